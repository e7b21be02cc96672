/**
 * The one place where an error becomes an answer. Expected failures carry their code; what the body
 * reader and the router throw is translated; anything else is a bug: logged with its stack, told as 500.
 */
import type { ErrorRequestHandler, Response } from 'express';
import { DeadlineExceeded } from '../../shared/kernel/deadline.ts';
import type { Logger } from '../../shared/kernel/log.ts';
import { RedisUnavailable } from '../../shared/store/redis.ts';
import { BoxFull } from '../../shared/store/store.ts';
import { jsonText } from '../json-text.ts';
import { ApiProblem } from '../problem.ts';
import { isTwilioPath, twilioError } from '../twilio/errors.ts';
import { requestId } from './request-id.ts';

/** Seconds after which a client may try again. */
const RETRY_SECONDS = 2;

export function errorAnswers(logger: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    const problem = asProblem(error);
    if (problem.code === 'internal') logger.error({ err: error, requestId: requestId(response) }, 'request failed');
    if (problem.code === 'redis_unavailable') {
      logger.warn({ err: error, requestId: requestId(response) }, 'redis is unavailable');
    }
    if (response.headersSent) {
      next(error);
      return;
    }
    // What is left of a body nobody will read must not be taken for the next request.
    if (problem.status === 413 || problem.status === 415) response.set('Connection', 'close');
    sendProblem(response, problem);
    if (!request.complete) request.resume();
  };
}

/** In Twilio's shape below its paths, in ours everywhere else. */
export function sendProblem(response: Response, problem: ApiProblem): void {
  const { retryAfterSeconds, headers } = problem.extras;
  if (headers !== undefined) response.set(headers);
  if (retryAfterSeconds !== undefined) response.set('Retry-After', String(retryAfterSeconds));
  if (isTwilioPath(response.req.path)) {
    const error = twilioError(problem);
    response.status(error.status).set('Content-Type', 'application/json; charset=utf-8').end(jsonText(error));
    return;
  }
  const body = jsonText(problem.toBody(requestId(response)));
  response.status(problem.status).set('Content-Type', 'application/problem+json; charset=utf-8').end(body);
}

/** The problem an error stands for. */
export function asProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  if (error instanceof RedisUnavailable || error instanceof DeadlineExceeded) {
    return new ApiProblem('redis_unavailable', 'Try again in a moment.', { retryAfterSeconds: RETRY_SECONDS });
  }
  if (error instanceof BoxFull) {
    return new ApiProblem('at_capacity', 'Too many requests wait for this call.', {
      retryAfterSeconds: RETRY_SECONDS,
    });
  }
  if (!(error instanceof Error) || !('status' in error)) return new ApiProblem('internal', 'This is our fault.');
  return readerProblem('type' in error ? error.type : undefined, error.status);
}

/** Errors of the body reader have a `type`, those of the router only a status. */
function readerProblem(type: unknown, status: unknown): ApiProblem {
  if (type === 'entity.parse.failed') return new ApiProblem('bad_json', 'The body does not parse as JSON.');
  if (type === 'entity.too.large') return new ApiProblem('too_large');
  if (status === 415) return new ApiProblem('unsupported_media_type', 'This encoding of the body is not supported.');
  if (typeof status === 'number' && status >= 400 && status < 500) return new ApiProblem('bad_request');
  return new ApiProblem('internal', 'This is our fault.');
}
