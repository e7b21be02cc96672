/** The streams of a thread: how they open and end as it happens, their counters once a second. */
import { isLive, type StreamCounters, type StreamError, type StreamRecord } from '../../shared/domain/stream.ts';
import type { Clock } from '../../shared/kernel/clock.ts';
import type { OpenStream, Stream } from '../stream/stream.ts';
import { addTo, Growth } from './growth.ts';
import type { ThreadMetrics } from './thread-metrics.ts';

interface Watched {
  readonly stream: Stream;
  readonly growth: Growth<keyof StreamCounters>;
}

const FRAME_SECONDS = 0.02;
/** The first frame follows the `start` within a beat, unless the stream is paused. */
const FIRST_FRAME_STEP_MS = 5;
const FIRST_FRAME_LOOKS = 40;

export class StreamWatch {
  readonly #metrics: ThreadMetrics;
  readonly #clock: Clock;
  readonly #watched = new Set<Watched>();

  constructor(metrics: ThreadMetrics, clock: Clock) {
    this.#metrics = metrics;
    this.#clock = clock;
  }

  /** `saidSince`: since when, by the monotonic clock, the caller may have been talking. */
  watching(open: OpenStream, saidSince: () => number | null): OpenStream {
    return (order, delegate) => {
      const orderedMs = this.#clock.monotonic();
      const began = order.resumed ? orderedMs : (saidSince() ?? orderedMs);
      const since = order.record.origin === 'document' && !order.resumed ? began : orderedMs;
      const stream = open(order, {
        ...delegate,
        onStarted: () => {
          this.#metrics.streamOpenSeconds.observe((this.#clock.monotonic() - orderedMs) / 1000);
          this.#awaitFirstFrame(stream, since, FIRST_FRAME_LOOKS);
          delegate.onStarted();
        },
        onStopped: (reason, error) => {
          this.#ended(stream.record, error);
          delegate.onStopped(reason, error);
        },
      });
      // Made anew by a later owner, it brings along what the one before had counted.
      const growth = new Growth<keyof StreamCounters>();
      growth.since(order.record.counters);
      this.#watched.add({ stream, growth });
      return stream;
    };
  }

  look(): void {
    const sum: Partial<Record<keyof StreamCounters, number>> = {};
    const kinds = new Map<string, { readonly labels: ReturnType<typeof kindOf> & { state: string }; count: number }>();
    for (const watched of this.#watched) {
      const { stream, growth } = watched;
      const { record } = stream;
      addTo(sum, growth.since(stream.counters()));
      if (!isLive(record.status)) {
        this.#watched.delete(watched);
        continue;
      }
      const { mode, dialect } = record.spec;
      const key = `${mode} ${dialect} ${record.status}`;
      const kind = kinds.get(key) ?? { labels: { mode, dialect, state: record.status }, count: 0 };
      kind.count += 1;
      kinds.set(key, kind);
    }
    this.#metrics.streams.reset();
    for (const { labels, count } of kinds.values()) this.#metrics.streams.set(labels, count);
    this.#count(sum);
  }

  #count(sum: Partial<Record<keyof StreamCounters, number>>): void {
    const metrics = this.#metrics;
    metrics.framesSent.inc(sum.framesSent ?? 0);
    metrics.bytesSent.inc(sum.bytesSent ?? 0);
    metrics.droppedToApp.inc((sum.framesDropped ?? 0) * FRAME_SECONDS);
    metrics.messagesReceived.inc(sum.messagesReceived ?? 0);
    metrics.bytesReceived.inc(sum.bytesReceived ?? 0);
    metrics.playedSeconds.inc((sum.playedMs ?? 0) / 1000);
    metrics.droppedFromApp.inc((sum.droppedMs ?? 0) / 1000);
    metrics.reconnects.inc(sum.reconnects ?? 0);
  }

  #ended(record: StreamRecord, error: StreamError | null): void {
    this.#metrics.streamsEnded.inc({ ...kindOf(record), state: error === null ? 'stopped' : record.status });
    if (error !== null) this.#metrics.streamErrors.inc({ code: error.code });
  }

  #awaitFirstFrame(stream: Stream, since: number, looksLeft: number): void {
    if (stream.counters().framesSent > 0) {
      this.#metrics.firstAudioSeconds.observe((this.#clock.monotonic() - since) / 1000);
    } else if (looksLeft > 0 && isLive(stream.record.status)) {
      this.#clock.after(FIRST_FRAME_STEP_MS, () => this.#awaitFirstFrame(stream, since, looksLeft - 1));
    }
  }
}

const kindOf = ({ spec }: StreamRecord): { readonly mode: string; readonly dialect: string } => ({
  mode: spec.mode,
  dialect: spec.dialect,
});
