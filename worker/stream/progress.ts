/**
 * How far a stream is, told to its call: the record, the timeline and the warnings (PROTOCOL §4.6), each within a
 * bound. The session says what happened; here are the words for it.
 */
import type { StreamCounters, StreamError, StreamPatch, StreamRecord, StreamSpec } from '../../shared/domain/stream.ts';
import type { Clock } from '../../shared/kernel/clock.ts';
import type { StreamSid } from '../../shared/kernel/ids.ts';
import type { Logger } from '../../shared/kernel/log.ts';
import { redactUrl } from '../../shared/kernel/redact.ts';
import { warnings } from './failure.ts';
import type { Gap } from './sender.ts';
import type { StreamOver, StreamState } from './state.ts';
import type { StreamDelegate } from './stream.ts';

type Entry = Parameters<StreamDelegate['onEntry']>[0];

/** Warnings of one code, each with another reason. */
const WARNINGS_PER_CODE = 5;
/** Timeline entries an app can cause in one beat. */
const ENTRIES_PER_BEAT = 24;

export class StreamProgress {
  readonly #delegate: StreamDelegate;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #openedAt: number;
  #record: StreamRecord;
  #silent = false;
  #entries = 0;
  /** What was warned of, by code. */
  readonly #warned = new Map<number, Set<string>>();

  constructor(record: StreamRecord, delegate: StreamDelegate, clock: Clock, log: Logger) {
    this.#record = record;
    this.#delegate = delegate;
    this.#clock = clock;
    this.#log = log;
    this.#openedAt = clock.monotonic();
  }

  get record(): StreamRecord {
    return this.#record;
  }

  connecting(): void {
    const { name, url, mode, track } = this.#record.spec;
    this.#entry({ type: 'stream.connecting', stream: this.#record.sid, name, url: redactUrl(url), mode, track });
  }

  started(status: StreamState['kind']): void {
    this.#patch({ status, startedAt: this.#record.startedAt ?? this.#now });
    const ms = Math.round(this.#clock.monotonic() - this.#openedAt);
    this.#entry({ type: 'stream.started', ...this.#who, ms });
  }

  turned(what: 'paused' | 'resumed' | 'reconnecting' | 'reconnected', status: StreamState['kind']): void {
    this.#patch({ status });
    this.#entry({ type: `stream.${what}`, ...this.#who });
  }

  /** The socket is gone and another is being dialled. */
  disconnected(error: StreamError): void {
    this.#patch({ error });
  }

  /** From here on the stream is another's to tell of. */
  lost(): void {
    this.#silent = true;
    this.#patch({ status: 'stopped' });
  }

  /** Final. */
  over({ kind, reason, error }: StreamOver, counters: StreamCounters): void {
    this.#patch({ status: kind, stoppedAt: this.#now, reason, error, counters });
    const why = error === null ? null : { code: error.code, detail: error.message };
    if (kind === 'failed' && why !== null) this.#entry({ type: 'stream.failed', ...this.#who, ...why });
    else this.#entry({ type: 'stream.stopped', ...this.#who, reason, ...why });
  }

  counted(counters: StreamCounters): void {
    this.#patch({ counters });
  }

  /** What was ordered is another from now on. */
  specify(change: Partial<StreamSpec>): void {
    this.#patch({ spec: { ...this.#record.spec, ...change } });
  }

  updated(news: { readonly track: string } | { readonly url: string }): void {
    const told = 'url' in news ? { url: redactUrl(news.url) } : news;
    this.#entry({ type: 'stream.updated', ...this.#who, ...told });
  }

  /** The socket to a new URL could not be opened; the stream goes on with the old one. */
  moveFailed(error: StreamError): void {
    this.#patch({ error });
    this.#warning(error, error.message);
  }

  gap({ fromMs, durationMs, reason }: Gap): void {
    this.#entry({ type: 'stream.gap', stream: this.#record.sid, fromMs, durationMs, reason });
  }

  /** Once for each code and detail, up to a bound. */
  warn(warning: StreamError, detail: string): void {
    const { code } = warning;
    const details = this.#warned.get(code) ?? new Set();
    if (details.has(detail) || details.size >= WARNINGS_PER_CODE) return;
    this.#warned.set(code, details.add(detail));
    this.#log.debug({ stream: this.#record.sid, code, detail }, 'stream warning');
    this.#warning(warning, detail);
  }

  // What the app can cause at will.

  /** The next beat: there is room for as many entries again. */
  beat(): void {
    this.#entries = 0;
  }

  mark(name: string, playedMs: number, cleared: boolean): void {
    this.#appEntry({ type: 'stream.mark', stream: this.#record.sid, mark: name, playedMs, cleared });
  }

  cleared(playedMs: number, droppedMs: number): void {
    this.#appEntry({ type: 'stream.clear', stream: this.#record.sid, playedMs, droppedMs });
  }

  broken(detail: string): void {
    this.#appEntry({ type: 'stream.warning', stream: this.#record.sid, code: warnings.invalid.code, detail });
  }

  #appEntry(entry: Entry): void {
    if (++this.#entries <= ENTRIES_PER_BEAT) this.#entry(entry);
  }

  #warning({ code }: StreamError, detail: string): void {
    this.#entry({ type: 'stream.warning', stream: this.#record.sid, code, detail });
  }

  #entry(entry: Entry): void {
    if (!this.#silent) this.#delegate.onEntry(entry);
  }

  #patch(patch: StreamPatch): void {
    this.#record = { ...this.#record, ...patch };
    if (!this.#silent) this.#delegate.onPatch(patch);
  }

  get #who(): { readonly stream: StreamSid; readonly name: string } {
    return { stream: this.#record.sid, name: this.#record.spec.name };
  }

  get #now(): string {
    return new Date(this.#clock.now()).toISOString();
  }
}
