/** HTTP Basic with the account's sid and token, compared in constant time whatever their length. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { RequestHandler } from 'express';
import { ApiProblem } from '../problem.ts';

const WANTED = 'HTTP Basic with ACCOUNT_SID:AUTH_TOKEN of the server is wanted.';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** @throws ApiProblem `unauthorized` from the handler it makes. */
export function credentials(accountSid: string, authToken: string): RequestHandler {
  const expected = digest(`${accountSid}:${authToken}`);
  return (request, _response, next) => {
    const given = /^Basic +([A-Za-z0-9+/=_-]{1,1024})$/i.exec(request.get('authorization') ?? '');
    const presented = digest(given?.[1] === undefined ? '' : Buffer.from(given[1], 'base64').toString('utf8'));
    if (timingSafeEqual(presented, expected)) {
      next();
      return;
    }
    const detail = given ? `These credentials are not right. ${WANTED}` : WANTED;
    throw new ApiProblem('unauthorized', detail, {
      headers: { 'WWW-Authenticate': 'Basic realm="Pivot Streams", charset="UTF-8"' },
    });
  };
}
