/**
 * One span for each time a call is claimed, from the claim to its end, as the child of whoever made the call; below it
 * the requests of the call and its streams. The application gets the trace context with every document request,
 * callback and upgrade.
 */
import { type CallPatch, isFinal } from '../../shared/domain/call.ts';
import type { Tracer } from '../../shared/tracing/tracer.ts';
import type { ObserveCall } from '../pool/observer.ts';
import { tracedFetcher } from './traced-fetcher.ts';
import { tracedStreams } from './traced-streams.ts';

export function callTraces(tracer: Tracer): ObserveCall {
  return ({ call, epoch, queueMs }) => {
    const span = tracer.start('call', 'consumer', call.plan.traceparent ?? null, {
      'messaging.system': 'bullmq',
      'messaging.destination.name': 'calls',
      'pivot.call_sid': call.sid,
      'pivot.direction': call.direction,
      'pivot.dialect': call.dialect,
      'pivot.epoch': epoch,
      'pivot.queue_ms': queueMs,
    });
    const { traceparent } = span;
    let failure: string | undefined;
    const written = ({ ringingAt, answeredAt, status, ending }: CallPatch): void => {
      if (ringingAt) span.event('ringing');
      if (answeredAt) span.event('answered');
      if (status === undefined || !isFinal(status)) return;
      const cause = ending?.cause ?? 'unknown';
      span.set({ 'pivot.status': status, 'pivot.cause': cause, 'pivot.blame': ending?.blame ?? 'unknown' });
      if (status === 'failed') failure = cause;
    };
    return {
      traceparent,
      ports: (ports) => ({
        ...ports,
        fetcher: tracedFetcher(tracer, ports.fetcher, traceparent),
        openStream: tracedStreams(tracer, ports.openStream, traceparent),
      }),
      written: ({ patch }) => {
        if (patch) written(patch);
      },
      closed: () => span.end(failure),
    };
  };
}
