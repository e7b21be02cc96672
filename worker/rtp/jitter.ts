/**
 * The adaptive jitter buffer: packets of any length go in as they come, exactly one 20 ms frame comes
 * out per beat. It works on single bytes of payload (a byte is a tick of the timestamp: one sample in
 * G.711, two in G.722), placed by timestamp in a ring, so that ptime, order and duplicates need no special case:
 *
 *        cursor ┐        delay        ┌ end
 *   ── played ──┼─────────────────────┼── not here yet ──▶ samples
 *
 * The slack of a packet is the time left until the cursor needs it. A packet that comes too late moves
 * the cursor back (delay grows, up to 1.2 s) if nothing behind it was played, else it is dropped and the
 * cursor waits a frame. When the least slack of a calm while is more than a frame too much, silent frames are
 * skipped, and of spoken ones more than one a beat is offered (`extra`) to whoever can play faster (`delay.ts`).
 * Everything moves by whole frames, so that frames stay whole packets.
 */
import { FRAME_MS } from '../media/frame.ts';
import { DelayExcess, MARGIN_MS } from './delay.ts';
import type { RtpHeader } from './packet.ts';
import { NOTHING, PayloadRing } from './payload-ring.ts';
import { SampleTimeline } from './timeline.ts';

const FRAME = 160;
const PER_MS = 8;
/** Payload type of comfort noise (RFC 3389). */
export const COMFORT_NOISE = 13;
/** Longest payload taken: 100 ms. */
const PAYLOAD_MAX = 100 * PER_MS;
/** Beats our own thread may be late before the oldest audio is dropped; with the longest delay less than the ring holds. */
const OVERDUE_MAX = 40;
/** A packet that others overtook makes the delay grow no further than this: it is one word lost, and no reason for a gap. */
const STRAGGLER_MAX_MS = 200;
/** A gap longer than this many frames is a pause of the sender, not loss. */
const LOSS_FRAMES = 5;

export interface JitterOptions {
  /** Delay to begin with. */
  readonly startMs: number;
  /** The delay never exceeds this; the oldest audio is dropped instead. */
  readonly maxMs: number;
  /** How long it must be calm before the delay shrinks. */
  readonly calmMs: number;
  /** Whether a payload sounds like nothing, so that it may be skipped unheard. */
  readonly isQuiet: (payload: Uint8Array, payloadType: number) => boolean;
}

/** One beat's worth. Lent: valid until the next `pop`. */
export interface JitterFrame {
  /**
   * `audio`: 160 bytes of one payload type. `partial`: some bytes are missing or of another type, see `types`.
   * `lost`: conceal. `silence`: the sender is pausing (DTX, comfort noise, telephone-event, or nothing yet).
   */
  kind: 'audio' | 'partial' | 'lost' | 'silence';
  payloadType: number;
  readonly payload: Uint8Array;
  /** Payload type of each byte, 255 where there is none. Filled for `partial` only. */
  readonly types: Uint8Array;
}

/** Everything that happened, as counts since the beginning. */
export interface JitterCounters {
  packets: number;
  duplicates: number;
  reordered: number;
  /** Packets too late to be played. */
  late: number;
  /** Packets no codec could have sent. */
  refused: number;
  /** New SSRC or timestamp jump. */
  jumps: number;
  /** Frames dropped because the longest delay was reached. */
  overflowed: number;
  /** Frames skipped, or played faster, and inserted to change the delay (a pause of the sender counts as five at most). */
  skipped: number;
  inserted: number;
  /** Frames handed out by kind. */
  audioFrames: number;
  lostFrames: number;
  silentFrames: number;
}

const defaults: JitterOptions = { startMs: 40, maxMs: 1200, calmMs: 2000, isQuiet: () => false };

export class JitterBuffer {
  readonly counters: JitterCounters = {
    packets: 0,
    duplicates: 0,
    reordered: 0,
    late: 0,
    refused: 0,
    jumps: 0,
    overflowed: 0,
    skipped: 0,
    inserted: 0,
    audioFrames: 0,
    lostFrames: 0,
    silentFrames: 0,
  };
  readonly #options: JitterOptions;
  readonly #line = new SampleTimeline();
  readonly #ring = new PayloadRing();
  readonly #recent = new Int32Array(128).fill(-1);
  readonly #frame: JitterFrame = {
    kind: 'silence',
    payloadType: 0,
    payload: new Uint8Array(FRAME),
    types: new Uint8Array(FRAME),
  };
  #begun = false;
  #cursor = 0;
  /** Behind the newest sample in the ring. */
  #end = 0;
  /** Behind the newest sample really played. */
  #playedEnd = Number.NEGATIVE_INFINITY;
  #highest = 0;
  /** Where the sender began to pause: what is missing behind it is not loss. */
  #pauseFrom = 0;
  #gap = 0;
  #hold = 0;
  #poppedAt = Number.NaN;
  /** There is more delay than is needed, and no silence to leave out. */
  #offers = false;
  readonly #excess: DelayExcess;

  constructor(options: Partial<JitterOptions> = {}) {
    this.#options = { ...defaults, ...options };
    this.#excess = new DelayExcess(this.#options.calmMs);
  }

  /** The bytes of every frame: one buffer, filled anew by each `pop`. */
  get payload(): Uint8Array {
    return this.#frame.payload;
  }

  /** Audio waiting to be played. */
  get delayMs(): number {
    return Math.max(0, this.#end - this.#cursor) / PER_MS;
  }

  /** Takes a packet of an agreed payload type. The payload is copied. */
  put(header: RtpHeader, packet: Uint8Array, nowMs: number): void {
    this.counters.packets += 1;
    const length = header.payloadEnd - header.payloadStart;
    if (length > PAYLOAD_MAX || (length === 0 && header.payloadType !== COMFORT_NOISE)) {
      this.counters.refused += 1;
      return;
    }
    const placed = this.#line.place(header.ssrc, header.sequence, header.timestamp, this.#fresh(), nowMs);
    if (placed !== 'follows') this.#begin(placed);
    if (this.#isDuplicate(header.sequence)) return;
    this.#order(placed, header.sequence);
    if (header.payloadType === COMFORT_NOISE) this.#pauseFrom = this.#line.at;
    else this.#accept(this.#line.at, header, packet, length, nowMs);
  }

  /** The sender is busy with something that is not audio (telephone-event): what is missing now is not loss. */
  pause(): void {
    this.#pauseFrom = Math.max(this.#end, this.#cursor);
  }

  /** Forgets what is waiting: the far end is on hold or its address moved. */
  clear(): void {
    this.#ring.clear();
    this.#end = this.#cursor;
    this.#pauseFrom = this.#cursor;
    this.#hold = 0;
    this.#excess.forget();
  }

  /** The next 20 ms. Called once per beat. */
  pop(nowMs: number): JitterFrame {
    this.#poppedAt = nowMs;
    if (!this.#begun) return this.#nothing('silence');
    this.#adapt(nowMs);
    if (this.#hold > 0) {
      this.#hold -= 1;
      this.counters.inserted += 1;
      return this.#nothing('lost');
    }
    if (!this.#read()) return this.#empty();
    this.#gap = 0;
    this.counters.audioFrames += 1;
    return this.#frame;
  }

  /** By how many ms, less than 20, `pop` should be called earlier from here on, as nothing is ever needed so late. Told once. */
  advance(): number {
    return this.#excess.takeEarly();
  }

  /** One frame more in this beat, when there is delay to be given back; null when not. Lent until the next call. */
  extra(): JitterFrame | null {
    if (!this.#offers) return null;
    this.#offers = false;
    this.#excess.skipped();
    this.counters.skipped += 1;
    return this.#read() ? this.#frame : null;
  }

  /** Where a line that begins anew is put: behind everything there is, at least the first delay ahead. */
  #fresh(): number {
    if (!this.#begun) return this.#options.startMs * PER_MS;
    return Math.max(this.#end, this.#cursor + this.#options.startMs * PER_MS);
  }

  #begin(placed: 'first' | 'jumped'): void {
    if (placed === 'jumped') this.counters.jumps += 1;
    this.#begun = true;
    this.#recent.fill(-1);
    this.#excess.disturb();
    this.#excess.forget();
  }

  #isDuplicate(sequence: number): boolean {
    const slot = sequence & 127;
    if (this.#recent[slot] === sequence) {
      this.counters.duplicates += 1;
      return true;
    }
    this.#recent[slot] = sequence;
    return false;
  }

  #order(placed: 'first' | 'jumped' | 'follows', sequence: number): void {
    const step = ((sequence - this.#highest) << 16) >> 16;
    if (placed === 'follows' && step < 0) this.counters.reordered += 1;
    else this.#highest = sequence;
  }

  #accept(start: number, header: RtpHeader, packet: Uint8Array, length: number, nowMs: number): void {
    const end = start + length;
    const slackMs = (start - this.#cursor) / PER_MS + this.#untilPop(nowMs);
    if (start < this.#cursor && !this.#rewind(start, end, slackMs)) return;
    this.#excess.note((start - this.#cursor) / PER_MS + this.#untilPop(nowMs));
    const room = this.#options.maxMs * PER_MS + this.#overdueFrames(nowMs) * FRAME;
    if (end - this.#cursor > room) this.#overflow(end - this.#cursor - room);
    this.#ring.write(Math.max(start, this.#cursor), end, header, packet);
    this.#end = Math.max(this.#end, end);
  }

  /** A packet the cursor has passed. True when the cursor could be set back to it, or a part is still of use. */
  #rewind(start: number, end: number, slackMs: number): boolean {
    this.#excess.disturb();
    this.#excess.forget();
    const empty = this.#end <= this.#cursor;
    if (this.#playedEnd <= start && (empty || this.#end - start <= this.#options.maxMs * PER_MS)) {
      this.counters.inserted += Math.min(LOSS_FRAMES, Math.ceil((this.#cursor - start) / FRAME));
      this.#cursor = start;
      if (empty) this.#end = start;
      return true;
    }
    const wanted = Math.ceil((MARGIN_MS - slackMs) / FRAME_MS);
    const mostMs = Math.min(this.#options.maxMs, STRAGGLER_MAX_MS);
    const room = Math.floor((mostMs - this.delayMs) / FRAME_MS) - 1;
    this.#hold = Math.max(this.#hold, Math.min(wanted, room));
    if (end > this.#cursor) return true;
    this.counters.late += 1;
    return false;
  }

  /** Keeps the delay below its bound by leaving out the oldest frames. */
  #overflow(samples: number): void {
    const frames = Math.ceil(samples / FRAME);
    const to = this.#cursor + frames * FRAME;
    this.#ring.forget(this.#cursor, to);
    this.#cursor = to;
    this.#hold = 0;
    this.counters.overflowed += frames;
    this.#excess.disturb();
  }

  /** Moves a frame out of the ring; false when nothing of it is there. */
  #read(): boolean {
    const frame = this.#frame;
    const taken = this.#ring.take(this.#cursor, frame.payload, frame.types);
    this.#playedEnd = Math.max(this.#playedEnd, taken.end);
    this.#cursor += FRAME;
    frame.kind = taken.mixed ? 'partial' : 'audio';
    frame.payloadType = taken.firstType;
    return taken.missing < FRAME;
  }

  #empty(): JitterFrame {
    this.#gap += 1;
    return this.#nothing(this.#pauseFrom >= this.#playedEnd || this.#gap > LOSS_FRAMES ? 'silence' : 'lost');
  }

  #nothing(kind: 'lost' | 'silence'): JitterFrame {
    this.#frame.kind = kind;
    if (kind === 'lost') this.counters.lostFrames += 1;
    else this.counters.silentFrames += 1;
    return this.#frame;
  }

  #untilPop(nowMs: number): number {
    return Number.isNaN(this.#poppedAt) ? 0 : Math.max(0, this.#poppedAt + FRAME_MS - nowMs);
  }

  /** Frames that should have been popped by now: our own thread was late, and catches up. */
  #overdueFrames(nowMs: number): number {
    const late = Number.isNaN(this.#poppedAt) ? 0 : Math.floor((nowMs - this.#poppedAt) / FRAME_MS) - 1;
    return Math.max(0, Math.min(late, OVERDUE_MAX));
  }

  /** Once per beat: leaves out a frame of silence when there are too many, or offers one. */
  #adapt(nowMs: number): void {
    this.#offers = false;
    const excess = this.#excess.beat(nowMs, this.#end - this.#cursor >= 2 * FRAME);
    if (excess === 'none') return;
    if (!this.#nextIsQuiet()) {
      this.#offers = excess === 'any';
      return;
    }
    this.#read();
    this.#excess.skipped();
    this.counters.skipped += 1;
  }

  #nextIsQuiet(): boolean {
    const { payload } = this.#frame;
    const type = this.#ring.typeAt(this.#cursor);
    if (type === NOTHING) return true;
    this.#ring.peek(this.#cursor, payload);
    return this.#options.isQuiet(payload, type);
  }
}
