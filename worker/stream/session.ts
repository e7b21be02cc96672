/**
 * A running stream: one per `<Stream>` or API request, from the first connect to the final word (PROTOCOL §2–§4, §14).
 * The call owns it and ends it with `stop` or `lost`. It owns its sockets (`sockets.ts`), its branch of the tee, its mode
 * and its queues. What happens when is decided by the machine in `state.ts`; the beat of the tee is its only regular clock.
 */
import {
  NO_COUNTERS,
  type StreamCounters,
  type StreamError,
  type StreamPatch,
  type StreamRecord,
  type TrackSelection,
} from '../../shared/domain/stream.ts';
import type { Clock, Timer } from '../../shared/kernel/clock.ts';
import type { StreamSid } from '../../shared/kernel/ids.ts';
import type { Logger } from '../../shared/kernel/log.ts';
import { redactUrl } from '../../shared/kernel/redact.ts';
import { type AudioFrame, FRAME_MS } from '../media/frame.ts';
import type { Connect, Connection } from './connection.ts';
import { failures, warnings } from './failure.ts';
import { decodeFile, type ReadAudioFile } from './file-playback.ts';
import { type ControlMessage, startMessage, stopMessage, type TrackLabel } from './messages/encode.ts';
import type { Mode } from './modes/mode.ts';
import { openMode } from './modes/open.ts';
import { FramePacker } from './packer.ts';
import { type Gap, type GapReason, Sender } from './sender.ts';
import { Sockets } from './sockets.ts';
import { type Effect, next, type StreamEvent, type StreamState } from './state.ts';
import type { OpenStream, StopReason, Stream, StreamDelegate, StreamOrder } from './stream.ts';

export interface StreamDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly connect: Connect;
  /** Replaces the decoder of Pivot's files; for tests. */
  readonly readAudioFile?: ReadAudioFile;
  /** Audio kept for an app that reads too slowly; default 10 s. */
  readonly holdMs?: number;
}

/** Caller audio kept until the first socket is open. */
export const CONNECT_HOLD_MS = 2_000;
export const HOLD_MS = 10_000;
const COUNTERS_EVERY_BEATS = 50;
/** An hour without a frame either way. */
const IDLE_BEATS = 180_000;
/** Warnings of one code, each with another reason. */
const WARNINGS_PER_CODE = 5;
/** Timeline entries an app can cause in one beat. */
const ENTRIES_PER_BEAT = 24;

/** Makes the function that opens streams; `deps` are shared by all streams of a thread. */
export function createStreamOpener(deps: StreamDeps): OpenStream {
  return (order, delegate) => new StreamSession(deps, order, delegate);
}

class StreamSession implements Stream {
  readonly sid: StreamSid;
  readonly #deps: StreamDeps;
  readonly #order: StreamOrder;
  readonly #delegate: StreamDelegate;
  readonly #sender: Sender;
  readonly #packer: FramePacker;
  readonly #mode: Mode;
  readonly #openedAt: number;
  readonly #leaveTee: () => void;
  readonly #sink = (track: TrackLabel, payload: Buffer): void => this.#sender.media(track, this.#atMs, payload);
  #record: StreamRecord;
  #state: StreamState;
  readonly #sockets: Sockets;
  #farewell: Promise<void> | null = null;
  #giveUpTimer: Timer | null = null;
  #loss: StreamError = failures.abrupt;
  #atMs = 0;
  #beats = 0;
  #activeBeat = 0;
  #entries = 0;
  #told = NO_COUNTERS;
  /** What an owner before us had counted. */
  #before = NO_COUNTERS;
  #silent = false;
  /** What was warned of, by code. */
  readonly #warned = new Map<number, Set<string>>();
  #reconnects = 0;

  constructor(deps: StreamDeps, order: StreamOrder, delegate: StreamDelegate) {
    const { record } = order;
    const { spec } = record;
    this.sid = record.sid;
    this.#deps = deps;
    this.#order = order;
    this.#delegate = delegate;
    this.#record = record;
    const { resumed = false, beganAt = record.createdAt } = order;
    this.#state = { kind: resumed ? 'reconnecting' : 'connecting', paused: record.status === 'paused' };
    if (resumed) {
      this.#before = record.counters;
      this.#reconnects = record.counters.reconnects;
      this.#beats = Math.max(0, Math.round((deps.clock.now() - Date.parse(beganAt)) / FRAME_MS));
      this.#activeBeat = this.#beats;
    }
    this.#openedAt = deps.clock.monotonic();
    this.#packer = new FramePacker(spec);
    this.#mode = this.#openMode();
    this.#sender = new Sender(record.sid, spec.dialect, this.#mode.wire === 'binary', {
      onGap: (gap) => this.#onGap(gap),
      onDrop: (reason) => this.#onDrop(reason),
      onClogged: () => this.#end(failures.clogged),
    });
    this.#sender.hold(CONNECT_HOLD_MS, 'connecting');
    this.#sockets = resumed ? this.#openAgain() : this.#openFirst();
    // A stream of the API begins in the middle of a call, as one that goes on; one of the document with the caller's first words.
    this.#leaveTee = order.tee.add(
      { beat: (_beat, inbound, outbound) => this.#onBeat(inbound, outbound) },
      record.origin === 'document' && !resumed,
    );
  }

  get name(): string {
    return this.#record.spec.name;
  }

  get record(): StreamRecord {
    return this.#record;
  }

  counters(): StreamCounters {
    const playback = this.#mode.playback;
    const before = this.#before;
    return {
      framesSent: before.framesSent + this.#sender.framesSent,
      bytesSent: before.bytesSent + this.#sender.bytesSent,
      framesDropped: before.framesDropped + this.#sender.framesDropped,
      messagesReceived: before.messagesReceived + this.#sockets.messagesReceived,
      bytesReceived: before.bytesReceived + this.#sockets.bytesReceived,
      bufferedMs: playback?.bufferedMs ?? 0,
      playedMs: before.playedMs + (playback?.playedMs ?? 0),
      droppedMs: before.droppedMs + (playback?.droppedMs ?? 0),
      underruns: before.underruns + (playback?.underruns ?? 0),
      reconnects: this.#reconnects,
    };
  }

  digit(digit: string): void {
    if (this.#isOver || !this.#mode.tellsDigits) return;
    this.#send({ event: 'dtmf', dtmf: { track: 'inbound_track', digit } });
  }

  update(change: { readonly paused?: boolean; readonly track?: TrackSelection; readonly url?: string }): void {
    if (this.#isOver) return;
    const { paused, track, url } = change;
    if (paused !== undefined) this.#apply({ event: paused ? 'pause' : 'resume' });
    if (track !== undefined && track !== this.#record.spec.track) {
      this.#patch({ spec: { ...this.#record.spec, track } });
      this.#entry({ type: 'stream.updated', stream: this.sid, name: this.name, track });
    }
    if (url !== undefined && url !== this.#record.spec.url) this.#move(url);
  }

  stop(reason: StopReason): Promise<void> {
    this.#apply({ event: 'stop', reason });
    return this.#farewell ?? Promise.resolve();
  }

  lost(): void {
    if (this.#isOver) return;
    this.#silent = true;
    this.#state = { kind: 'stopped', reason: 'stopped', error: null };
    this.#patch({ status: 'stopped' });
    this.#sockets.terminate();
    this.#release();
  }

  get #isOver(): boolean {
    return this.#state.kind === 'stopped' || this.#state.kind === 'failed';
  }

  #openMode(): Mode {
    const { clock, readAudioFile = decodeFile } = this.#deps;
    const { record, playout } = this.#order;
    return openMode(
      { streamSid: record.sid, spec: record.spec, playout, clock, readAudioFile },
      {
        send: (message) => this.#send(message),
        warn: (warning, detail) => this.#warn(warning, detail),
        broken: (detail) =>
          this.#appEntry({ type: 'stream.warning', stream: this.sid, code: warnings.invalid.code, detail }),
        press: (digits) => this.#delegate.onPress(digits),
        hangup: () => this.#delegate.onHangup(),
        cleared: (playedMs, droppedMs) =>
          this.#appEntry({ type: 'stream.clear', stream: this.sid, playedMs, droppedMs }),
        mark: (name, playedMs, cleared) => this.#onMark(name, playedMs, cleared),
      },
    );
  }

  // Sockets.

  #openFirst(): Sockets {
    const { name, url, mode, track } = this.#record.spec;
    this.#entry({ type: 'stream.connecting', stream: this.sid, name, url: redactUrl(url), mode, track });
    return this.#openSockets(true);
  }

  /** The socket was lost with the owner before us. */
  #openAgain(): Sockets {
    const { reconnectMs } = this.#record.spec;
    this.#tellStatus('reconnecting');
    if (reconnectMs > 0) this.#giveUpTimer = this.#deps.clock.after(reconnectMs, () => this.#end(this.#loss));
    return this.#openSockets(reconnectMs === 0);
  }

  #openSockets(retry: boolean): Sockets {
    const { clock, connect } = this.#deps;
    const { spec } = this.#record;
    const { traceparent } = this.#order;
    const headers = traceparent === undefined ? spec.headers : { ...spec.headers, traceparent };
    return new Sockets({ clock, connect, headers, retry }, spec.url, {
      onOpen: () => this.#apply({ event: 'opened' }),
      onMoved: (old, newUrl) => this.#onMoved(old, newUrl),
      onMoveFailed: ({ error }) => {
        this.#patch({ error });
        this.#entry({ type: 'stream.warning', stream: this.sid, code: error.code, detail: error.message });
      },
      onGone: (old, loss) => {
        this.#loss = loss.error;
        this.#sender.lost(old);
        this.#apply({ event: 'gone', loss, patient: this.#record.spec.reconnectMs > 0 });
      },
      onText: (text) => {
        this.#activeBeat = this.#beats;
        this.#mode.onText(text);
      },
      onBinary: (bytes) => {
        this.#activeBeat = this.#beats;
        this.#mode.onBinary(bytes);
      },
    });
  }

  #move(url: string): void {
    const state = this.#state.kind;
    if (state === 'in-progress' || state === 'paused') {
      this.#sockets.move(url);
      return;
    }
    this.#patch({ spec: { ...this.#record.spec, url } });
    this.#sockets.redirect(url, state === 'connecting');
  }

  #onMoved(old: Connection, url: string): void {
    this.#send(stopMessage(this.#order.call, 'moved', this.#playedMs));
    this.#sender.detach();
    void old.close();
    this.#patch({ spec: { ...this.#record.spec, url } });
    this.#greet(true);
    this.#entry({ type: 'stream.updated', stream: this.sid, name: this.name, url: redactUrl(url) });
  }

  // The beat.

  #onBeat(inbound: AudioFrame, outbound: AudioFrame): void {
    if (this.#isOver) return;
    this.#atMs = this.#beats * FRAME_MS;
    this.#beats += 1;
    this.#entries = 0;
    this.#sockets.beat();
    this.#sender.flush();
    if (!this.#isPaused) {
      this.#packer.pack(inbound, outbound, this.#record.spec.track, this.#sink);
      this.#activeBeat = this.#beats;
    } else if (this.#beats - this.#activeBeat >= IDLE_BEATS) void this.stop('connection_inactivity');
    this.#mode.beat();
    if (this.#beats % COUNTERS_EVERY_BEATS === 0) this.#tellCounters();
  }

  get #isPaused(): boolean {
    return this.#state.kind === 'paused' || ('paused' in this.#state && this.#state.paused);
  }

  #tellCounters(): void {
    const counters = this.counters();
    const same = (Object.keys(counters) as (keyof StreamCounters)[]).every((key) => counters[key] === this.#told[key]);
    if (same) return;
    this.#told = counters;
    this.#patch({ counters });
  }

  // States.

  #apply(event: StreamEvent): void {
    const step = next(this.#state, event);
    this.#state = step.state;
    for (const effect of step.effects) this.#carryOut(effect);
  }

  #carryOut(effect: Effect): void {
    switch (effect) {
      case 'greet':
        this.#greet(this.#state.kind !== 'connecting' && this.#record.startedAt !== null);
        break;
      case 'started':
        this.#patch({ status: this.#status, startedAt: this.#record.startedAt ?? this.#now });
        this.#entry({
          type: 'stream.started',
          stream: this.sid,
          name: this.name,
          ms: Math.round(this.#deps.clock.monotonic() - this.#openedAt),
        });
        this.#delegate.onStarted();
        break;
      case 'paused':
      case 'resumed':
        this.#tellStatus(effect);
        break;
      case 'reconnecting':
        this.#startReconnecting();
        break;
      case 'retry':
        this.#sockets.retryLater();
        break;
      case 'reconnected':
        this.#giveUpTimer?.cancel();
        this.#reconnects += 1;
        this.#tellStatus(effect);
        break;
      case 'farewell':
        this.#sayFarewell();
        break;
      case 'end':
        this.#finish();
        break;
    }
  }

  #greet(reconnected: boolean): void {
    const { spec } = this.#record;
    this.#sender.attach(this.#sockets.current, startMessage(this.sid, spec, spec.track, this.#order.call, reconnected));
    this.#sender.hold(this.#deps.holdMs ?? HOLD_MS, 'congestion');
  }

  #startReconnecting(): void {
    const { reconnectMs } = this.#record.spec;
    this.#sender.detach();
    this.#sender.hold(this.#deps.holdMs ?? HOLD_MS, 'reconnecting');
    this.#giveUpTimer = this.#deps.clock.after(reconnectMs, () => this.#end(this.#loss));
    this.#patch({ error: this.#loss });
    this.#tellStatus('reconnecting');
    const url = this.#sockets.redial();
    if (url !== null) this.#patch({ spec: { ...this.#record.spec, url } });
  }

  #tellStatus(what: 'paused' | 'resumed' | 'reconnecting' | 'reconnected'): void {
    this.#patch({ status: this.#status });
    this.#entry({ type: `stream.${what}`, stream: this.sid, name: this.name });
  }

  #sayFarewell(): void {
    const reason = 'reason' in this.#state ? this.#state.reason : 'stopped';
    const playedMs = this.#playedMs;
    // A Pivot app gets every mark back before `stop`, a Twilio app none (PROTOCOL §0 row 19).
    this.#mode.end();
    this.#sender.control(stopMessage(this.#order.call, reason, playedMs));
    this.#sender.flush(true);
    this.#farewell = this.#sockets.close();
  }

  /** A failure of our own finding. */
  #end(error: StreamError): void {
    this.#apply({ event: 'gave-up', error });
  }

  #finish(): void {
    if (!('reason' in this.#state)) return;
    const { reason, error, kind } = this.#state;
    if (this.#farewell === null) this.#sockets.terminate();
    this.#release();
    this.#patch({ status: kind, stoppedAt: this.#now, reason, error, counters: this.counters() });
    if (kind === 'failed' && error !== null) {
      this.#entry({
        type: 'stream.failed',
        stream: this.sid,
        name: this.name,
        code: error.code,
        detail: error.message,
      });
    } else {
      const why = error === null ? {} : { code: error.code, detail: error.message };
      this.#entry({ type: 'stream.stopped', stream: this.sid, name: this.name, reason, ...why });
    }
    this.#delegate.onStopped(reason, error);
  }

  /** Everything this session holds but the socket that says farewell. */
  #release(): void {
    this.#giveUpTimer?.cancel();
    this.#leaveTee();
    this.#mode.end();
    this.#sender.abandon();
    this.#packer.close();
  }

  // What the parts tell.

  #send(message: ControlMessage): void {
    this.#sender.control(message);
  }

  #onMark(name: string, playedMs: number, cleared: boolean): void {
    this.#appEntry({ type: 'stream.mark', stream: this.sid, mark: name, playedMs, cleared });
    if (this.#isOver && this.#record.spec.dialect === 'twilio') return;
    this.#send({ event: 'mark', mark: { name, playedMs, cleared } });
  }

  #onGap(gap: Gap): void {
    const { fromMs, durationMs, reason } = gap;
    this.#entry({ type: 'stream.gap', stream: this.sid, fromMs, durationMs, reason });
    if (this.#record.spec.playbackEvents) this.#sender.writeGap(gap);
  }

  #onDrop(reason: GapReason): void {
    if (reason === 'congestion') this.#warn(warnings.congestion, warnings.congestion.message);
  }

  #warn(warning: StreamError, detail: string): void {
    const details = this.#warned.get(warning.code) ?? new Set();
    if (details.has(detail) || details.size >= WARNINGS_PER_CODE) return;
    this.#warned.set(warning.code, details.add(detail));
    this.#deps.log.debug({ stream: this.sid, code: warning.code, detail }, 'stream warning');
    this.#entry({ type: 'stream.warning', stream: this.sid, code: warning.code, detail });
  }

  #patch(patch: StreamPatch): void {
    this.#record = { ...this.#record, ...patch };
    if (!this.#silent) this.#delegate.onPatch(patch);
  }

  #entry(entry: Parameters<StreamDelegate['onEntry']>[0]): void {
    if (!this.#silent) this.#delegate.onEntry(entry);
  }

  /** An entry the app can cause at will. */
  #appEntry(entry: Parameters<StreamDelegate['onEntry']>[0]): void {
    if (++this.#entries <= ENTRIES_PER_BEAT) this.#entry(entry);
  }

  get #playedMs(): number {
    return this.#mode.playback?.playedMs ?? 0;
  }

  get #status(): StreamRecord['status'] {
    return this.#state.kind;
  }

  get #now(): string {
    return new Date(this.#deps.clock.now()).toISOString();
  }
}
