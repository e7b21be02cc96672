/**
 * The written side of one call. Everything said is merged and written in order, one fenced step at a
 * time; what is said meanwhile goes into the next. While Redis is away the step under way is tried
 * again with its number, so it is done once. A refused write means a newer owner: `onLost`, and silence.
 */
import { type CallPatch, isFinal } from '../../shared/domain/call.ts';
import type { Callback } from '../../shared/domain/callback.ts';
import type { TimelineEntry } from '../../shared/domain/event.ts';
import type { GatewayLetter } from '../../shared/domain/letter.ts';
import type { StreamPatch, StreamRecord } from '../../shared/domain/stream.ts';
import type { Clock, Timer } from '../../shared/kernel/clock.ts';
import type { CallSid, Epoch, StreamSid } from '../../shared/kernel/ids.ts';
import type { Logger } from '../../shared/kernel/log.ts';
import type { CallChange, CallStore, StreamStore } from '../../shared/store/store.ts';
import type { Journal } from '../call/ports.ts';
import { Pending } from './pending.ts';
import { untilDone } from './retry.ts';

/** How long an entry, and how long a counter, may wait for company. */
const LAZY_MS = 50;
const COUNTERS_MS = 4000;

export interface JournalOptions {
  readonly sid: CallSid;
  readonly epoch: Epoch;
  readonly calls: Pick<CallStore, 'save'>;
  readonly streams: Pick<StreamStore, 'open' | 'get' | 'list'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Trace context that callbacks carry; null without traces. */
  readonly traceparent: string | null;
  readonly onWritten: (change: CallChange) => void;
  readonly onLost: () => void;
  /** This stream is recorded. */
  readonly onStream: (stream: StreamRecord) => void;
  /** Writes the call again: Redis has forgotten it. */
  readonly remind: () => Promise<void>;
}

export class CallJournal implements Journal {
  readonly #options: JournalOptions;
  readonly #pending = new Pending();
  readonly #stop = new AbortController();
  #serial = 0;
  #writing: Promise<void> | null = null;
  #lazy: Timer | null = null;
  #lazyFor: 'counters' | 'entries' = 'entries';
  #hasEnded = false;

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  /** The final status was said, written or not. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  patch(patch: CallPatch): void {
    if (patch.status !== undefined && isFinal(patch.status)) this.#hasEnded = true;
    this.#say(() => this.#pending.patch(patch));
  }

  entry(entry: TimelineEntry): void {
    const at = new Date(this.#options.clock.now()).toISOString();
    this.#say(() => this.#pending.entry(at, entry));
  }

  callback(callback: Callback): void {
    const { traceparent } = this.#options;
    this.#say(() => this.#pending.callback(traceparent === null ? callback : { ...callback, traceparent }));
  }

  streamPatch(stream: StreamSid, patch: StreamPatch): void {
    this.#say(() => this.#pending.streamPatch(stream, patch));
  }

  /** To the gateway, in order with everything else. */
  letter(letter: GatewayLetter): void {
    this.#say(() => this.#pending.letter(letter));
  }

  /** After all that was said before: the end of one stream frees its name and place for the next. */
  async openStream(stream: StreamRecord): ReturnType<Journal['openStream']> {
    await this.flush();
    const answer = await this.#ask(() =>
      this.#options.streams.open(stream, { kind: 'owner', epoch: this.#options.epoch }),
    );
    if (answer === null) return { kind: 'lost' };
    if (answer.kind === 'lost') this.#lost();
    if (answer.kind === 'existing') return { kind: 'refused', reason: 'stream_name_taken' };
    if (answer.kind !== 'opened') return answer;
    this.#options.onStream(stream);
    return { kind: 'opened' };
  }

  async stream(sid: StreamSid): Promise<StreamRecord | null> {
    const stream = await this.#ask(() => this.#options.streams.get(this.#options.sid, sid));
    if (stream) this.#options.onStream(stream);
    return stream;
  }

  async streams(): Promise<readonly StreamRecord[]> {
    const streams = (await this.#ask(() => this.#options.streams.list(this.#options.sid))) ?? [];
    for (const stream of streams) this.#options.onStream(stream);
    return streams;
  }

  async flush(): Promise<void> {
    while (!this.#stop.signal.aborted && (this.#writing !== null || !this.#pending.isEmpty)) {
      this.#write();
      await this.#writing;
    }
  }

  /** Writes nothing more. What waits is gone: call `flush` before, or this is a loss. Idempotent. */
  close(): void {
    this.#lazy?.cancel();
    this.#lazy = null;
    this.#pending.clear();
    this.#stop.abort(new JournalClosed());
  }

  #say(add: () => void): void {
    if (this.#stop.signal.aborted) return;
    add();
    if (this.#writing) return;
    if (this.#pending.isUrgent) this.#write();
    else this.#writeLater(this.#pending.isCounters ? 'counters' : 'entries');
  }

  /** The nearer of what is waited for counts. */
  #writeLater(what: 'counters' | 'entries'): void {
    if (this.#lazy !== null && (what === 'counters' || this.#lazyFor === 'entries')) return;
    this.#lazy?.cancel();
    this.#lazyFor = what;
    this.#lazy = this.#options.clock.after(what === 'counters' ? COUNTERS_MS : LAZY_MS, () => this.#write());
  }

  #write(): void {
    this.#lazy?.cancel();
    this.#lazy = null;
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = null;
      // What was said between the last look and now.
      if (!this.#pending.isEmpty && !this.#stop.signal.aborted) this.#write();
    });
  }

  /** Begins a turn of the event loop later, so that what is said in one go is one step. */
  async #writeAll(): Promise<void> {
    await new Promise(setImmediate);
    while (!this.#pending.isEmpty && !this.#stop.signal.aborted) {
      this.#serial += 1;
      await this.#writeOne(this.#pending.take(this.#serial));
    }
  }

  async #writeOne(change: CallChange): Promise<void> {
    const { calls, sid, epoch, log } = this.#options;
    try {
      const answer = await this.#retry(() => calls.save(sid, epoch, change));
      if (answer === 'lost') this.#lost();
      else if (answer === 'done') this.#options.onWritten(change);
    } catch (error) {
      // A bug in this change must not stop the ones after it: the end of the call may be among them.
      log.error({ err: error, callSid: sid }, 'a change of a call could not be written');
    }
  }

  async #ask<T>(work: () => Promise<T>): Promise<T | null> {
    return await this.#retry(work);
  }

  /** Null when the journal was closed while waiting. */
  async #retry<T>(work: () => Promise<T>): Promise<T | null> {
    try {
      return await untilDone(this.#options.clock, this.#stop.signal, work, this.#options.remind);
    } catch (error) {
      if (error instanceof JournalClosed) return null;
      throw error;
    }
  }

  #lost(): void {
    if (this.#stop.signal.aborted) return;
    this.close();
    this.#options.onLost();
  }
}

/** Why waits of a closed journal end; never leaves this file. */
class JournalClosed extends Error {
  override readonly name = 'JournalClosed';
}
