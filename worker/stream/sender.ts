/**
 * From the call to the app: numbers, queues and writes (PROTOCOL §2.4, §11). One per stream, over all its sockets.
 * While the socket takes what it is given, a frame is written in the beat it was born. Else it waits in a queue bounded
 * in milliseconds of audio; the oldest media goes first and control messages never. Numbers are given at the write, so
 * the sequence has no gaps whatever was dropped; the time stamps show the gap, and `onGap` tells it exactly.
 * What a socket that is lost had not sent waits again, in its old place; answers to what it asked go with it.
 */
import type { Dialect } from '../../shared/domain/dialect.ts';
import { FRAME_MS } from '../media/frame.ts';
import type { Connection } from './connection.ts';
import { Fifo } from './fifo.ts';
import { CONNECTED, type ControlMessage, encodeControl, encodeMedia, type TrackLabel } from './messages/encode.ts';

export interface Gap {
  readonly track: TrackLabel;
  readonly fromMs: number;
  readonly durationMs: number;
  readonly reason: GapReason;
}

export type GapReason = 'connecting' | 'congestion' | 'reconnecting';

export interface SenderDelegate {
  /** Audio was dropped before the frame that is about to be written. */
  onGap(gap: Gap): void;
  /** A frame was dropped just now. */
  onDrop(reason: GapReason): void;
  /** The app takes nothing, yet makes us answer: more control messages wait than we keep. */
  onClogged(): void;
}

interface MediaParcel {
  readonly ordinal: number;
  readonly track: TrackLabel;
  readonly atMs: number;
  /** base64, or the bytes of a binary stream. */
  readonly payload: string | Buffer;
}

interface ControlParcel {
  readonly ordinal: number;
  readonly message: ControlMessage;
}

type Parcel = MediaParcel | ControlParcel;

/** Of use only to the socket that asked. */
const isAnswer = ({ event }: ControlMessage): boolean => event === 'status' || event === 'cleared';

/** What the socket may hold of ours before we hold it ourselves, where the oldest can still be dropped. */
const WINDOW_BYTES = 32_768;
/** More than all the marks a playout keeps, which a clear returns at once. */
const MAX_CONTROL = 40_000;
/** Gaps of a track that wait to be told. */
const MAX_GAPS = 32;

export class Sender {
  readonly #sid: string;
  readonly #dialect: Dialect;
  readonly #binary: boolean;
  readonly #delegate: SenderDelegate;
  #connection: Connection | null = null;
  readonly #media = new Fifo<MediaParcel>();
  readonly #control = new Fifo<ControlParcel>();
  /** Written, and perhaps not sent yet; null is a greeting, of no use to another socket. */
  readonly #written = new Fifo<Parcel | null>();
  #ordinal = 0;
  /** Of the frame that is being written: a gap before it has the same, and goes first. */
  #writing = 0;
  #holdMs = 0;
  #reason: GapReason = 'connecting';
  #sequence = 0;
  #chunks = { inbound: 0, outbound: 0, both: 0 };
  /** What was dropped of each track since its last frame was written. */
  readonly #missing: Record<TrackLabel, Gap[]> = { inbound: [], outbound: [], both: [] };
  framesSent = 0;
  bytesSent = 0;
  framesDropped = 0;

  constructor(sid: string, dialect: Dialect, binary: boolean, delegate: SenderDelegate) {
    this.#sid = sid;
    this.#dialect = dialect;
    this.#binary = binary;
    this.#delegate = delegate;
  }

  /** How much audio of each track may wait from here on, and what a drop is called meanwhile. */
  hold(ms: number, reason: GapReason): void {
    this.#holdMs = ms;
    this.#reason = reason;
  }

  /** A socket is open: numbers begin anew, `connected` and `start` are its first messages. */
  attach(connection: Connection, start: ControlMessage): void {
    this.#connection = connection;
    this.#written.clear();
    this.#sequence = 0;
    this.#chunks = { inbound: 0, outbound: 0, both: 0 };
    if (!this.#binary) {
      this.#text(CONNECTED);
      this.#keep(null);
      this.#text(encodeControl(start, ++this.#sequence, this.#sid));
      this.#keep(null);
    }
    this.flush();
  }

  /** Age of the oldest frame that waits, in milliseconds; `nowMs` as in `media`. */
  waitedMs(nowMs: number): number {
    return nowMs - (this.#media.peek()?.atMs ?? nowMs);
  }

  detach(): void {
    this.#connection = null;
    this.#written.clear();
    this.#control.keep(({ message }) => !isAnswer(message));
  }

  /** The last word to a socket that is left for another: behind what it was given, and never for the other. */
  farewell(message: ControlMessage): void {
    if (!this.#binary) this.#text(encodeControl(message, ++this.#sequence, this.#sid));
    this.detach();
  }

  /** The socket is gone; what it had not sent waits for the next, before all that came later. */
  lost(connection: Connection): void {
    if (this.#connection !== connection) return;
    this.#trimWritten();
    const back: Parcel[] = [];
    for (let left = this.#written.length; left > 0; left--) {
      const parcel = this.#written.shift();
      if (parcel) back.push(parcel);
    }
    const media = back.filter((parcel) => 'payload' in parcel);
    this.framesSent -= media.length;
    this.#media.unshift(media);
    this.#control.unshift(back.filter((parcel) => 'message' in parcel));
    this.detach();
  }

  /** The stream is over: what waits will never be sent. */
  abandon(): void {
    this.detach();
    this.framesDropped += this.#media.length;
    this.#media.clear();
    this.#control.clear();
  }

  /** One frame; `bytes` are lent. */
  media(track: TrackLabel, atMs: number, bytes: Buffer): void {
    if (this.#mayWrite()) {
      const ordinal = this.#ordinal++;
      const payload = this.#binary ? bytes : bytes.toString('base64');
      this.#writeMedia(ordinal, track, atMs, payload);
      // Nearly always the kernel took it at once, and nothing is kept.
      if (this.#isUnsent) this.#keep({ ordinal, track, atMs, payload: this.#binary ? Buffer.from(bytes) : payload });
      return;
    }
    const frames = this.#holdMs / FRAME_MS;
    while (this.#media.length > 0 && (this.#media.peek()?.atMs ?? atMs) <= atMs - frames * FRAME_MS) this.#drop();
    const payload = this.#binary ? Buffer.from(bytes) : bytes.toString('base64');
    this.#media.push({ ordinal: this.#ordinal++, track, atMs, payload });
  }

  control(message: ControlMessage): void {
    if (this.#binary) return;
    if (this.#mayWrite()) this.#writeControl({ ordinal: this.#ordinal++, message });
    else if (this.#control.length >= MAX_CONTROL) this.#delegate.onClogged();
    else this.#control.push({ ordinal: this.#ordinal++, message });
  }

  /** Writes what waits, as far as the socket takes it; once a beat. `all`: whatever it takes, because the end has come. */
  flush(all = false): void {
    this.#trimWritten();
    while (this.#connection !== null && (all || this.#connection.bufferedBytes < WINDOW_BYTES)) {
      const media = this.#media.peek();
      const control = this.#control.peek();
      if (control !== undefined && (media === undefined || control.ordinal <= media.ordinal)) {
        this.#control.shift();
        this.#writeControl(control);
      } else if (media !== undefined) {
        this.#media.shift();
        this.#writeMedia(media.ordinal, media.track, media.atMs, media.payload);
        this.#connection.push();
        this.#keep(media);
      } else {
        return;
      }
    }
  }

  #mayWrite(): boolean {
    return (
      this.#connection !== null &&
      this.#media.length === 0 &&
      this.#control.length === 0 &&
      this.#connection.bufferedBytes < WINDOW_BYTES
    );
  }

  #drop(): void {
    const parcel = this.#media.shift();
    if (parcel === undefined) return;
    this.framesDropped += 1;
    this.#miss(parcel.track, parcel.atMs);
    this.#delegate.onDrop(this.#reason);
  }

  /** Adds a frame to the gap it continues; a pause in between, or another reason, makes another gap. */
  #miss(track: TrackLabel, fromMs: number): void {
    const gaps = this.#missing[track];
    const last = gaps.at(-1);
    const continues = last?.reason === this.#reason && last.fromMs + last.durationMs === fromMs;
    if (last !== undefined && (continues || gaps.length >= MAX_GAPS)) {
      gaps[gaps.length - 1] = { ...last, durationMs: last.durationMs + FRAME_MS };
    } else gaps.push({ track, fromMs, durationMs: FRAME_MS, reason: this.#reason });
  }

  #writeMedia(ordinal: number, track: TrackLabel, atMs: number, payload: string | Buffer): void {
    if (this.#missing[track].length > 0) {
      this.#writing = ordinal;
      for (const gap of this.#missing[track].splice(0)) this.#delegate.onGap(gap);
    }
    this.framesSent += 1;
    if (typeof payload !== 'string') {
      this.bytesSent += payload.length;
      this.#connection?.sendBinary(payload);
      return;
    }
    const counter = this.#dialect === 'twilio' ? track : 'both';
    const chunk = ++this.#chunks[counter];
    this.#text(encodeMedia(++this.#sequence, this.#sid, track, chunk, atMs, payload));
  }

  /** A gap is told in its place: straight before the frame that follows it. */
  writeGap(gap: Gap): void {
    if (!this.#binary) this.#writeControl({ ordinal: this.#writing, message: { event: 'gap', gap } });
  }

  #writeControl(parcel: ControlParcel): void {
    this.#text(encodeControl(parcel.message, ++this.#sequence, this.#sid));
    this.#connection?.push();
    this.#keep(parcel);
  }

  get #isUnsent(): boolean {
    return this.#connection !== null && this.#connection.bufferedBytes > 0;
  }

  #keep(parcel: Parcel | null): void {
    if (this.#isUnsent) this.#written.push(parcel);
  }

  /** Forgets what the kernel has taken. */
  #trimWritten(): void {
    const unsent = this.#connection?.unsent ?? 0;
    while (this.#written.length > unsent) this.#written.shift();
  }

  #text(text: string): void {
    this.bytesSent += text.length;
    this.#connection?.sendText(text);
  }
}
