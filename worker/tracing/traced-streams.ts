/** Streams as spans: one for the life of a stream, and below it one for its upgrade, whose trace context the application gets. */
import { redactUrl } from '../../shared/kernel/redact.ts';
import type { Tracer } from '../../shared/tracing/tracer.ts';
import type { OpenStream } from '../stream/stream.ts';

export function tracedStreams(tracer: Tracer, open: OpenStream, parent: string): OpenStream {
  return (order, delegate) => {
    const { sid, spec } = order.record;
    const life = tracer.start('stream', 'internal', parent, {
      'pivot.stream_sid': sid,
      'pivot.stream_mode': spec.mode,
      'pivot.dialect': spec.dialect,
    });
    const upgrade = tracer.start('stream upgrade', 'client', life.traceparent, { 'url.full': redactUrl(spec.url) });
    return open(
      { ...order, traceparent: upgrade.traceparent },
      {
        ...delegate,
        onStarted: () => {
          upgrade.end();
          delegate.onStarted();
        },
        onStopped: (reason, error) => {
          const failure = error === null ? undefined : `${error.code} ${error.message}`;
          upgrade.end(failure);
          life.set({ 'pivot.stop_reason': reason });
          life.end(failure);
          delegate.onStopped(reason, error);
        },
      },
    );
  };
}
