/**
 * A running stream: one per `<Stream>` or API request, from the first connect to the final word (PROTOCOL §2–§4, §14).
 * The call owns it and ends it with `stop` or `lost`. It owns its sockets (`sockets.ts`), its branch of the tee, its mode
 * and its queues. What happens when is decided by the machine in `state.ts`, what is told of it is in `progress.ts`; the
 * beat of the tee is its only regular clock.
 */
import {
  NO_COUNTERS,
  type StreamCounters,
  type StreamError,
  type StreamRecord,
  type StreamSpec,
  type TrackSelection,
} from '../../shared/domain/stream.ts';
import type { Clock, Timer } from '../../shared/kernel/clock.ts';
import type { StreamSid } from '../../shared/kernel/ids.ts';
import type { Logger } from '../../shared/kernel/log.ts';
import { type AudioFrame, FRAME_MS } from '../media/frame.ts';
import type { Connect, Connection } from './connection.ts';
import { failures, warnings } from './failure.ts';
import { decodeFile, type ReadAudioFile } from './file-playback.ts';
import { type ControlMessage, startMessage, stopMessage, type TrackLabel } from './messages/encode.ts';
import type { Mode } from './modes/mode.ts';
import { openMode } from './modes/open.ts';
import { FramePacker } from './packer.ts';
import { StreamProgress } from './progress.ts';
import { type Gap, type GapReason, Sender } from './sender.ts';
import { Sockets } from './sockets.ts';
import { type Effect, next, type StreamEvent, type StreamState } from './state.ts';
import type { OpenStream, StopReason, Stream, StreamDelegate, StreamOrder } from './stream.ts';
import { Tally } from './tally.ts';

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
  readonly #progress: StreamProgress;
  readonly #tally: Tally;
  readonly #leaveTee: () => void;
  readonly #sink = (track: TrackLabel, payload: Buffer): void => this.#sender.media(track, this.#atMs, payload);
  #state: StreamState;
  readonly #sockets: Sockets;
  #farewell: Promise<void> | null = null;
  #giveUpTimer: Timer | null = null;
  #loss: StreamError = failures.abrupt;
  #atMs = 0;
  #beats = 0;
  #activeBeat = 0;

  constructor(deps: StreamDeps, order: StreamOrder, delegate: StreamDelegate) {
    const { record } = order;
    const { spec } = record;
    this.sid = record.sid;
    this.#deps = deps;
    this.#order = order;
    this.#delegate = delegate;
    this.#progress = new StreamProgress(record, delegate, deps.clock, deps.log);
    const { resumed = false, beganAt = record.createdAt } = order;
    this.#state = { kind: resumed ? 'reconnecting' : 'connecting', paused: record.status === 'paused' };
    if (resumed) {
      this.#beats = Math.max(0, Math.round((deps.clock.now() - Date.parse(beganAt)) / FRAME_MS));
      this.#activeBeat = this.#beats;
    }
    this.#packer = new FramePacker(spec);
    const before = resumed ? record.counters : NO_COUNTERS;
    this.#mode = this.#openMode(before);
    this.#sender = new Sender(record.sid, spec.dialect, this.#mode.wire === 'binary', {
      onGap: (gap) => this.#onGap(gap),
      onDrop: (reason) => this.#onDrop(reason),
      onClogged: () => this.#end(failures.clogged),
    });
    this.#sender.hold(CONNECT_HOLD_MS, 'connecting');
    this.#sockets = resumed ? this.#openAgain() : this.#openFirst();
    this.#tally = new Tally(before, {
      sender: this.#sender,
      sockets: this.#sockets,
      playback: this.#mode.playback,
    });
    // A stream of the API begins in the middle of a call, as one that goes on; one of the document with the caller's first words.
    this.#leaveTee = order.tee.add(
      { beat: (_beat, inbound, outbound) => this.#onBeat(inbound, outbound) },
      record.origin === 'document' && !resumed,
    );
  }

  get name(): string {
    return this.#spec.name;
  }

  get record(): StreamRecord {
    return this.#progress.record;
  }

  counters(): StreamCounters {
    return this.#tally.sum();
  }

  digit(digit: string): void {
    if (this.#isOver || !this.#mode.tellsDigits) return;
    this.#send({ event: 'dtmf', dtmf: { track: 'inbound_track', digit } });
  }

  update(change: { readonly paused?: boolean; readonly track?: TrackSelection; readonly url?: string }): void {
    if (this.#isOver) return;
    const { paused, track, url } = change;
    if (paused !== undefined) this.#apply({ event: paused ? 'pause' : 'resume' });
    if (track !== undefined && track !== this.#spec.track) {
      this.#progress.specify({ track });
      this.#progress.updated({ track });
    }
    if (url !== undefined && url !== this.#spec.url) this.#move(url);
  }

  stop(reason: StopReason): Promise<void> {
    this.#apply({ event: 'stop', reason });
    return this.#farewell ?? Promise.resolve();
  }

  lost(): void {
    if (this.#isOver) return;
    this.#state = { kind: 'stopped', reason: 'stopped', error: null };
    this.#progress.lost();
    this.#sockets.terminate();
    this.#release();
  }

  get #isOver(): boolean {
    return this.#state.kind === 'stopped' || this.#state.kind === 'failed';
  }

  #openMode(before: StreamCounters): Mode {
    const { clock, readAudioFile = decodeFile } = this.#deps;
    const { record, playout } = this.#order;
    return openMode(
      { streamSid: record.sid, spec: record.spec, playout, before, clock, readAudioFile },
      {
        send: (message) => this.#send(message),
        charge: (bytes) => this.#sockets.charge(bytes),
        warn: (warning, detail) => this.#progress.warn(warning, detail),
        broken: (detail) => this.#progress.broken(detail),
        press: (digits) => this.#press(digits),
        hangup: () => this.#delegate.onHangup(),
        cleared: (playedMs, droppedMs) => this.#progress.cleared(playedMs, droppedMs),
        mark: (name, playedMs, cleared) => this.#onMark(name, playedMs, cleared),
      },
    );
  }

  // Sockets.

  #openFirst(): Sockets {
    this.#progress.connecting();
    return this.#openSockets(true);
  }

  /** The socket was lost with the owner before us. */
  #openAgain(): Sockets {
    const { reconnectMs } = this.#spec;
    this.#turn('reconnecting');
    if (reconnectMs > 0) this.#giveUpTimer = this.#deps.clock.after(reconnectMs, () => this.#end(this.#loss));
    return this.#openSockets(reconnectMs === 0);
  }

  #openSockets(retry: boolean): Sockets {
    const { clock, connect } = this.#deps;
    const { traceparent } = this.#order;
    const { headers: ordered, url } = this.#spec;
    const headers = traceparent === undefined ? ordered : { ...ordered, traceparent };
    return new Sockets({ clock, connect, headers, retry }, url, {
      onOpen: () => this.#apply({ event: 'opened' }),
      onMoved: (old, newUrl) => this.#onMoved(old, newUrl),
      onMoveFailed: ({ error }) => this.#progress.moveFailed(error),
      onGone: (old, loss) => {
        this.#loss = loss.error;
        this.#sender.lost(old);
        this.#apply({ event: 'gone', loss, patient: this.#spec.reconnectMs > 0 });
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
    this.#progress.specify({ url });
    this.#sockets.redirect(url, state === 'connecting');
  }

  #onMoved(old: Connection, url: string): void {
    this.#sender.farewell(stopMessage(this.#order.call, 'moved', this.#playedMs));
    void old.close();
    this.#progress.specify({ url });
    this.#greet(true);
    this.#progress.updated({ url });
  }

  // The beat.

  #onBeat(inbound: AudioFrame, outbound: AudioFrame): void {
    if (this.#isOver) return;
    this.#atMs = this.#beats * FRAME_MS;
    this.#beats += 1;
    this.#progress.beat();
    this.#sockets.beat();
    this.#sender.flush();
    if (!this.#isPaused) {
      this.#packer.pack(inbound, outbound, this.#spec.track, this.#sink);
      this.#activeBeat = this.#beats;
    } else if (this.#beats - this.#activeBeat >= IDLE_BEATS) void this.stop('connection_inactivity');
    this.#mode.beat();
    if (this.#beats % COUNTERS_EVERY_BEATS === 0) this.#tellCounters();
  }

  get #isPaused(): boolean {
    return this.#state.kind === 'paused' || ('paused' in this.#state && this.#state.paused);
  }

  #tellCounters(): void {
    const counters = this.#tally.news();
    if (counters !== null) this.#progress.counted(counters);
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
        this.#greet(this.#state.kind !== 'connecting' && this.record.startedAt !== null);
        break;
      case 'started':
        this.#progress.started(this.#state.kind);
        this.#delegate.onStarted();
        break;
      case 'paused':
      case 'resumed':
        this.#turn(effect);
        break;
      case 'reconnecting':
        this.#startReconnecting();
        break;
      case 'retry':
        this.#sockets.retryLater();
        break;
      case 'reconnected':
        this.#giveUpTimer?.cancel();
        this.#tally.reconnected();
        this.#turn(effect);
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
    const spec = this.#spec;
    this.#mode.begin();
    this.#mode.playback?.expectRelayed(this.#sender.waitedMs(this.#atMs));
    this.#sender.attach(this.#sockets.current, startMessage(this.sid, spec, spec.track, this.#order.call, reconnected));
    this.#sender.hold(this.#deps.holdMs ?? HOLD_MS, 'congestion');
  }

  #startReconnecting(): void {
    const { reconnectMs } = this.#spec;
    this.#sender.detach();
    this.#sender.hold(this.#deps.holdMs ?? HOLD_MS, 'reconnecting');
    this.#giveUpTimer = this.#deps.clock.after(reconnectMs, () => this.#end(this.#loss));
    this.#progress.disconnected(this.#loss);
    this.#turn('reconnecting');
    const url = this.#sockets.redial();
    if (url !== null) this.#progress.specify({ url });
  }

  #turn(what: 'paused' | 'resumed' | 'reconnecting' | 'reconnected'): void {
    this.#progress.turned(what, this.#state.kind);
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
    const over = this.#state;
    if (!('reason' in over)) return;
    if (this.#farewell === null) this.#sockets.terminate();
    this.#release();
    this.#progress.over(over, this.counters());
    this.#delegate.onStopped(over.reason, over.error);
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
    this.#progress.mark(name, playedMs, cleared);
    if (this.#isOver && this.#spec.dialect === 'twilio') return;
    this.#send({ event: 'mark', mark: { name, playedMs, cleared } });
  }

  #press(digits: string): void {
    if (!this.#delegate.onPress(digits)) this.#progress.warn(warnings.invalid, 'too many digits wait to be pressed');
  }

  #onGap(gap: Gap): void {
    this.#progress.gap(gap);
    if (this.#spec.playbackEvents) this.#sender.writeGap(gap);
  }

  #onDrop(reason: GapReason): void {
    if (reason === 'congestion') this.#progress.warn(warnings.congestion, warnings.congestion.message);
  }

  get #spec(): StreamSpec {
    return this.#progress.record.spec;
  }

  get #playedMs(): number {
    return this.#mode.playback?.playedMs ?? 0;
  }
}
