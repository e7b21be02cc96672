/** One span a request, continuing the client's trace when it brings one; its name is the route, never the path. */
import type { RequestHandler, Response } from 'express';
import type { Tracer } from '../../shared/tracing/tracer.ts';

export function traces(tracer: Tracer): RequestHandler {
  return (request, response, next) => {
    const span = tracer.start(request.method, 'server', request.get('traceparent') ?? null, {
      'http.request.method': request.method,
    });
    response.locals['traceparent'] = span.traceparent;
    response.once('close', () => {
      const route: unknown = response.locals['route'];
      const { statusCode } = response;
      if (typeof route === 'string') {
        span.rename(`${request.method} ${route}`);
        span.set({ 'http.route': route });
      }
      span.set({ 'http.response.status_code': statusCode });
      span.end(statusCode >= 500 ? `answered ${statusCode}` : undefined);
    });
    next();
  };
}

/** Trace context of the request this response answers; null without traces. */
export function traceparentOf(response: Response): string | null {
  const traceparent: unknown = response.locals['traceparent'];
  return typeof traceparent === 'string' ? traceparent : null;
}
