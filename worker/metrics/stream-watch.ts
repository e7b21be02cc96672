/** The streams of a thread: how they open and end as it happens, their counters once a second. */
import { isLive, type StreamCounters, type StreamError, type StreamRecord } from '../../shared/domain/stream.ts';
import type { Clock } from '../../shared/kernel/clock.ts';
import type { OpenStream, Stream } from '../stream/stream.ts';
import { Growth } from './growth.ts';
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
    const { streams } = this.#metrics;
    streams.reset();
    for (const watched of this.#watched) {
      const { record } = watched.stream;
      this.#count(watched);
      if (isLive(record.status)) streams.inc({ ...kindOf(record), state: record.status });
      else this.#watched.delete(watched);
    }
  }

  #count({ stream, growth }: Watched): void {
    const grown = growth.since(stream.counters());
    const metrics = this.#metrics;
    metrics.framesSent.inc(grown.framesSent);
    metrics.bytesSent.inc(grown.bytesSent);
    metrics.droppedToApp.inc(grown.framesDropped * FRAME_SECONDS);
    metrics.messagesReceived.inc(grown.messagesReceived);
    metrics.bytesReceived.inc(grown.bytesReceived);
    metrics.playedSeconds.inc(grown.playedMs / 1000);
    metrics.droppedFromApp.inc(grown.droppedMs / 1000);
    metrics.reconnects.inc(grown.reconnects);
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
