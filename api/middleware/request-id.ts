/** Every request has an id: the client's `X-Request-Id` when it is sane, else a new one; it is answered and logged. */
import { randomUUID } from 'node:crypto';
import type { RequestHandler, Response } from 'express';

const HEADER = 'X-Request-Id';

export const requestIds: RequestHandler = (request, response, next) => {
  const given = request.get(HEADER);
  response.set(HEADER, given !== undefined && /^[\w.:-]{1,64}$/.test(given) ? given : randomUUID());
  next();
};

/** The id of the request this response answers. */
export const requestId = (response: Response): string => response.get(HEADER) ?? '';
