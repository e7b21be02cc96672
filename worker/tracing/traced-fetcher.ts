/** A fetcher whose requests are spans; the server it asks gets their trace context. URLs are told without credentials and query. */
import { redactUrl } from '../../shared/kernel/redact.ts';
import type { Tracer } from '../../shared/tracing/tracer.ts';
import type { Fetched, Fetcher, FetchFailed } from '../fetch/fetcher.ts';

/** `parent`: of requests that bring no trace context of their own. */
export function tracedFetcher(tracer: Tracer, fetcher: Fetcher, parent: string | null): Fetcher {
  return {
    cookies: () => fetcher.cookies(),
    fetch: async (order) => {
      const span = tracer.start(`fetch ${order.method}`, 'client', order.traceparent ?? parent, {
        'http.request.method': order.method,
        'url.full': redactUrl(order.url),
      });
      try {
        const answer = await fetcher.fetch({ ...order, traceparent: span.traceparent });
        if (answer.httpStatus !== null) span.set({ 'http.response.status_code': answer.httpStatus });
        span.end(failureOf(answer));
        return answer;
      } catch (error) {
        span.end('canceled');
        throw error;
      }
    },
  };
}

const failureOf = (answer: Fetched | FetchFailed): string | undefined =>
  answer.kind === 'failed' ? `${answer.code} ${answer.detail}` : undefined;
