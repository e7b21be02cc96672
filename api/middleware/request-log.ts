/**
 * One log line and one measurement a request, when its answer is done. The line has the route as it is
 * written in the API, never the path (it can carry numbers), no query, no header and no body.
 */
import type { RequestHandler } from 'express';
import type { Clock } from '../../shared/kernel/clock.ts';
import type { Logger } from '../../shared/kernel/log.ts';
import type { ApiMetrics } from '../metrics.ts';
import { requestId } from './request-id.ts';

export function requestLog(logger: Logger, metrics: ApiMetrics, clock: Clock): RequestHandler {
  return (request, response, next) => {
    const begun = clock.monotonic();
    response.once('close', () => {
      const ms = clock.monotonic() - begun;
      const route: unknown = response.locals['route'];
      const place = typeof route === 'string' ? route : 'none';
      const status = response.writableFinished ? response.statusCode : 499;
      metrics.requestSeconds.observe({ method: request.method, route: place, status }, ms / 1000);
      logger.info(
        { requestId: requestId(response), method: request.method, route: place, status, ms: Math.round(ms) },
        'request',
      );
    });
    next();
  };
}
