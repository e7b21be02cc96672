/** The calls of a thread as figures: an observer of the pool that also hands legs and streams to their watches. */
import { isFinal } from '../../shared/domain/call.ts';
import type { Clock } from '../../shared/kernel/clock.ts';
import type { ObserveCall } from '../pool/observer.ts';
import type { LegWatch } from './leg-watch.ts';
import type { StreamWatch } from './stream-watch.ts';
import type { ThreadMetrics } from './thread-metrics.ts';

export interface CallMetricsParts {
  readonly metrics: ThreadMetrics;
  readonly legs: LegWatch;
  readonly streams: StreamWatch;
  readonly clock: Clock;
}

export function callMetrics({ metrics, legs, streams, clock }: CallMetricsParts): ObserveCall {
  return ({ call, epoch, queueMs }) => {
    if (epoch > 1) metrics.recoveries.inc();
    else metrics.queueSeconds.observe(queueMs / 1000);
    let hasEnded = false;
    let answeredMs: number | null = null;
    return {
      traceparent: null,
      ports: (ports) => ({
        ...ports,
        makeLeg: (id, offer, delegate) => {
          const onAnswered = (): void => {
            answeredMs = clock.monotonic();
            delegate.onAnswered();
          };
          const leg = ports.makeLeg(id, offer, { ...delegate, onAnswered });
          legs.watch(leg);
          return leg;
        },
        openStream: streams.watching(ports.openStream, () => answeredMs),
      }),
      written: ({ patch }) => {
        if (patch?.status === undefined || !isFinal(patch.status)) return;
        hasEnded = true;
        metrics.callsEnded.inc({ direction: call.direction, status: patch.status });
        const { cause = 'unknown', blame = 'unknown' } = patch.ending ?? {};
        metrics.endings.inc({ cause, blame });
      },
      closed: () => {
        if (!hasEnded) metrics.callsLost.inc();
      },
    };
  };
}
