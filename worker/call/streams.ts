/**
 * The streams of one call: opened for the document and for the API through the one step that decides
 * limits, steered, told every digit, and stopped together at the end. A refused or failed stream never
 * costs more than itself (PROTOCOL §2.7, §4.5; AC-24, AC-25, AC-27…AC-29).
 */
import { randomBytes } from 'node:crypto';
import type { CallRecord } from '../../shared/domain/call.ts';
import type { StreamUpdate } from '../../shared/domain/letter.ts';
import {
  isLive,
  isTwoWay,
  NO_COUNTERS,
  refusalMessages,
  type StreamError,
  type StreamRecord,
  type StreamRefusal,
} from '../../shared/domain/stream.ts';
import type { Clock } from '../../shared/kernel/clock.ts';
import { withDeadline } from '../../shared/kernel/deadline.ts';
import { newStreamSid, type StreamSid } from '../../shared/kernel/ids.ts';
import type { StopVerb, StreamNoun } from '../../shared/twiml/document.ts';
import type { Leg } from '../leg/leg.ts';
import { PRE_ROLL_MS } from '../media/pre-roll.ts';
import type { OpenStream, StopReason, Stream } from '../stream/stream.ts';
import { deferred } from './deferred.ts';
import type { Journal } from './ports.ts';
import { type StreamTold, streamCallbacks, type Webhook } from './stream-callbacks.ts';

/** A stream gets this long to say goodbye when the call ends. */
const CLOSE_MS = 2000;
/** How long the end of the document waits for sockets that are still opening (AC-1): the handshake's own limit. */
const OPENING_MS = 5000;

export interface Ended {
  readonly reason: StopReason;
  readonly error: StreamError | null;
}

export type Opened =
  | { readonly kind: 'open'; readonly stream: Stream; readonly ended: Promise<Ended> }
  | { readonly kind: 'refused'; readonly sid: StreamSid; readonly name: string; readonly error: StreamError };

interface Running {
  readonly stream: Stream;
  /** Resolves when the socket is open, or the stream is over before that. */
  readonly settled: Promise<void>;
  readonly ended: Promise<Ended>;
}

export interface StreamsPorts {
  readonly call: CallRecord;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly openStream: OpenStream;
  readonly leg: Leg;
  readonly webhook: Webhook | null;
  /** The app presses digits towards the far party, or hangs up (PROTOCOL §14.4). */
  readonly onPress: (digits: string) => boolean;
  readonly onHangup: () => void;
}

export class CallStreams {
  readonly #ports: StreamsPorts;
  readonly #running = new Map<StreamSid, Running>();
  /** Of the API, whose records are being read; what is asked of them waits for it. */
  readonly #claimed = new Map<StreamSid, Promise<void>>();
  /** Of the document, asked for and not decided. */
  readonly #opening = new Set<Promise<Opened>>();
  /** The two-way stream of a `<Connect>` that an owner before us was in. */
  #kept: StreamRecord | null = null;
  #closed = false;

  constructor(ports: StreamsPorts) {
    this.#ports = ports;
  }

  /** For the document. Waits for the limits, not for the socket (AC-2). `cut`: once it is aborted nobody wants the stream. */
  open(noun: StreamNoun, cut: AbortSignal | null = null): Promise<Opened> {
    const opening = this.#open(noun, cut);
    const forget = (): boolean => this.#opening.delete(opening);
    this.#opening.add(opening);
    opening.then(forget, forget);
    return opening;
  }

  async #open(noun: StreamNoun, cut: AbortSignal | null): Promise<Opened> {
    const kept = this.#takeKept(noun);
    if (kept !== null) {
      const { stream, ended } = this.#run(kept, kept.startedAt !== null);
      return { kind: 'open', stream, ended };
    }
    const record = this.#recordOf(noun);
    if (noun.fault !== null) return this.#refuse(record, noun.fault);
    // Of a document that was cut: what it claims is given back before the next one claims.
    await Promise.allSettled(this.#opening);
    const answer = await this.#ports.journal.openStream(record);
    if (answer.kind === 'refused') return this.#refuse(record, refusalError(answer.reason));
    const isCut = this.#closed || cut?.aborted === true;
    // Its place is claimed, and would stay taken.
    if (answer.kind === 'opened' && isCut) this.writeOff(record, this.#closed ? 'hangup' : 'stopped');
    if (answer.kind === 'lost' || isCut) return this.#refuse(record, refusalError('call_ended'), false);
    const { stream, ended } = this.#run(record);
    return { kind: 'open', stream, ended };
  }

  /** One that the document may not have, told as any other that is refused. */
  refuse(noun: StreamNoun, reason: StreamRefusal): void {
    this.#refuse(this.#recordOf(noun), noun.fault ?? refusalError(reason));
  }

  /** For the API: its place is already claimed. Harmless twice. */
  openClaimed(sid: StreamSid): Promise<void> {
    const opening = this.#openClaimed(sid).finally(() => {
      if (this.#claimed.get(sid) === opening) this.#claimed.delete(sid);
    });
    this.#claimed.set(sid, opening);
    return opening;
  }

  async #openClaimed(sid: StreamSid): Promise<void> {
    const record = await this.#ports.journal.stream(sid);
    if (record === null || this.#closed || this.#running.has(sid) || !isLive(record.status)) return;
    this.#run(record);
  }

  /** One that an owner before us had open: the app learns on a new socket that it goes on. */
  reopen(record: StreamRecord): void {
    if (!this.#closed && !this.#running.has(record.sid)) this.#run(record, record.startedAt !== null);
  }

  /** One that the verb which was cut goes on with, if it is still in its document. */
  keep(record: StreamRecord): void {
    if (this.#closed) this.writeOff(record, 'error');
    else this.#kept = record;
  }

  /** No verb will ask for the one that was kept. */
  dropKept(): void {
    const kept = this.#kept;
    this.#kept = null;
    if (kept !== null) this.writeOff(kept, 'error');
  }

  /** `<Stop>`: one-way streams only; an unknown name or sid changes nothing (AC-25). */
  stop(target: StopVerb['target']): void {
    for (const { stream } of this.#running.values()) {
      const meant = target.by === 'all' || (target.by === 'sid' ? stream.sid : stream.name) === target.value;
      if (meant && !isTwoWay(stream.record.spec.mode)) void stream.stop('stopped');
    }
  }

  /** The API stops it. One that is recorded as live and does not run here is written off. */
  async stopClaimed(sid: StreamSid): Promise<void> {
    const opening = this.#claimed.get(sid);
    if (opening) await opening;
    const running = this.#running.get(sid);
    if (running) {
      await running.stream.stop('api');
      return;
    }
    const record = await this.#ports.journal.stream(sid);
    if (record !== null && isLive(record.status)) this.writeOff(record, 'api');
  }

  /** The API changes it. */
  async updateClaimed(update: StreamUpdate): Promise<void> {
    const opening = this.#claimed.get(update.stream);
    if (opening) await opening;
    this.update(update);
  }

  update({ stream, ...change }: StreamUpdate): void {
    const { paused, track, url } = change;
    this.#running.get(stream)?.stream.update({
      ...(paused === undefined ? {} : { paused }),
      ...(track === undefined ? {} : { track }),
      ...(url === undefined ? {} : { url }),
    });
  }

  digit(digit: string): void {
    for (const { stream } of this.#running.values()) stream.digit(digit);
  }

  /** Until every socket that is opening is open or given up; bounded. Never rejects. */
  async opened(): Promise<void> {
    const settled = Promise.all([...this.#running.values()].map((running) => running.settled));
    await withDeadline(this.#ports.clock, OPENING_MS, 'opening streams', settled).catch(() => {});
  }

  /** Stops them all and takes no more; waits for their goodbyes, bounded. Never rejects. */
  async close(reason: StopReason): Promise<void> {
    this.#closed = true;
    this.dropKept();
    const { clock } = this.#ports;
    const stopping = [...this.#running.values()].map(({ stream }) => stream.stop(reason));
    const done = Promise.allSettled([...stopping, ...this.#opening]);
    await withDeadline(clock, CLOSE_MS, 'stopping streams', done).catch(() => {});
  }

  /** No longer ours: closed without a word. */
  lost(): void {
    this.#closed = true;
    for (const { stream } of this.#running.values()) stream.lost();
    this.#running.clear();
  }

  /** A stream recorded as live that nobody runs: a dead owner's, or one that never began (AC-85). */
  writeOff(record: StreamRecord, reason: StopReason): void {
    const { sid, spec } = record;
    const stoppedAt = new Date(this.#ports.clock.now()).toISOString();
    this.#ports.journal.streamPatch(sid, { status: 'stopped', stoppedAt, reason });
    this.#ports.journal.entry({ type: 'stream.stopped', stream: sid, name: spec.name, reason });
    this.#tell(record, { event: 'stopped', started: record.startedAt !== null, reason, error: null });
  }

  #recordOf({ fault: _, ...spec }: StreamNoun): StreamRecord {
    const { call, clock } = this.#ports;
    const sid = newStreamSid();
    const drawn = (): string => (spec.dialect === 'pivot' ? `stream-${randomBytes(4).toString('hex')}` : sid);
    return {
      sid,
      callSid: call.sid,
      spec: { ...spec, name: spec.name ?? drawn() },
      status: 'connecting',
      createdAt: new Date(clock.now()).toISOString(),
      startedAt: null,
      stoppedAt: null,
      reason: null,
      error: null,
      counters: NO_COUNTERS,
      origin: 'document',
    };
  }

  /** `resumed`: the app was told of its start already. */
  #run(record: StreamRecord, resumed = false): Running {
    const { call, journal, leg, openStream } = this.#ports;
    const settled = deferred<void>();
    const ended = deferred<Ended>();
    let started = resumed;
    if (resumed) settled.resolve();
    const stream = openStream(
      {
        record,
        call: {
          accountSid: call.accountSid,
          callSid: call.sid,
          from: call.from,
          to: call.to,
          direction: call.direction,
        },
        tee: leg.tee,
        playout: leg.playout,
        resumed,
        ...(resumed ? { beganAt: beganAt(call, record) } : {}),
      },
      {
        onStarted: () => {
          started = true;
          settled.resolve();
          this.#tell(record, { event: 'started' });
        },
        onStopped: (reason, error) => {
          this.#running.delete(record.sid);
          settled.resolve();
          ended.resolve({ reason, error });
          this.#tell(record, { event: 'stopped', started, reason, error });
        },
        onPatch: (patch) => journal.streamPatch(record.sid, patch),
        onEntry: (entry) => journal.entry(entry),
        onPress: this.#ports.onPress,
        onHangup: this.#ports.onHangup,
      },
    );
    const running: Running = { stream, settled: settled.promise, ended: ended.promise };
    this.#running.set(record.sid, running);
    return running;
  }

  /** The one kept, for the noun it was made of; for any other it is written off. */
  #takeKept({ mode, url }: StreamNoun): StreamRecord | null {
    const kept = this.#kept;
    if (kept === null || !isTwoWay(mode) || this.#closed) return null;
    if (kept.spec.mode !== mode || kept.spec.url !== url) {
      this.dropKept();
      return null;
    }
    this.#kept = null;
    return kept;
  }

  #refuse(record: StreamRecord, error: StreamError, told = true): Opened {
    const { sid, spec } = record;
    if (told) {
      this.#ports.journal.entry({
        type: 'stream.failed',
        stream: null,
        name: spec.name,
        code: error.code,
        detail: error.message,
      });
      this.#tell(record, { event: 'stopped', started: false, reason: 'error', error });
    }
    return { kind: 'refused', sid, name: spec.name, error };
  }

  #tell(record: StreamRecord, told: StreamTold): void {
    const { call, clock, journal, webhook } = this.#ports;
    for (const callback of streamCallbacks(call, record, told, webhook, clock.now())) journal.callback(callback);
  }
}

/** The moment of time stamp 0: the answer, for a stream the document opened while the tee still remembered it. */
function beganAt({ answeredAt }: CallRecord, { origin, createdAt }: StreamRecord): string {
  if (origin !== 'document' || answeredAt === null) return createdAt;
  const afterMs = Date.parse(createdAt) - Date.parse(answeredAt);
  return afterMs >= 0 && afterMs < PRE_ROLL_MS ? answeredAt : createdAt;
}

/** A refusal as the code it has towards the app: the sentence is the API's own (AC-87). */
function refusalError(reason: StreamRefusal): StreamError {
  const limited = reason === 'stream_limit' || reason === 'bidirectional_limit';
  return { code: limited ? 31_960 : 31_900, message: refusalMessages[reason] };
}
