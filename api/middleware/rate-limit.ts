/**
 * A bound on requests a minute and client address, counted before the credentials are looked at, so that it
 * also slows guessing. Counted in Redis for all API processes; when Redis is away nobody is counted and
 * the routes themselves say so.
 */
import type { RequestHandler } from 'express';
import { rateLimit, type Store } from 'express-rate-limit';
import { ApiProblem } from '../problem.ts';
import { sendProblem } from './errors.ts';

const WINDOW_MS = 60_000;

export function rateLimits(perMinute: number, store: Store | null): RequestHandler {
  if (perMinute === 0) return (_request, _response, next) => next();
  return rateLimit({
    windowMs: WINDOW_MS,
    limit: perMinute,
    standardHeaders: 'draft-7',
    legacyHeaders: false,
    passOnStoreError: true,
    validate: false,
    ...(store === null ? {} : { store }),
    handler: (_request, response) => {
      const seconds = Number(response.get('Retry-After') ?? WINDOW_MS / 1000);
      const detail = `At most ${perMinute} requests a minute.`;
      sendProblem(response, new ApiProblem('rate_limited', detail, { retryAfterSeconds: seconds }));
    },
  });
}
