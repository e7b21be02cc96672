/**
 * An INVITE or UPDATE of theirs that waits for our answer. Normally a server transaction; after a
 * restart, a request kept as text and answered without one.
 */
import type { IncomingRequest } from '../message/message.ts';
import type { ResponseParts } from '../message/respond.ts';
import { ALLOW, type Header } from './abilities.ts';

export interface Answerer {
  readonly request: IncomingRequest;
  respond(parts: ResponseParts): void;
}

/** A response of ours to an INVITE or UPDATE: 101–2xx carry Contact, routes and, if given, SDP. */
export function answerParts(
  request: IncomingRequest,
  given: {
    readonly code: number;
    readonly reason?: string;
    readonly toTag: string;
    readonly contact: string;
    readonly product: string;
    readonly sdp: string | null;
  },
): ResponseParts {
  const headers: Header[] = [['server', given.product]];
  if (given.code < 300) {
    if (request.toTag === null) {
      for (const route of request.headers.all('record-route')) headers.push(['record-route', route]);
    }
    headers.push(['contact', given.contact], ['allow', ALLOW]);
    if (given.sdp !== null) headers.push(['content-type', 'application/sdp']);
  }
  const body = given.code < 300 ? (given.sdp ?? '') : '';
  const { code, toTag } = given;
  return given.reason === undefined
    ? { code, toTag, headers, body }
    : { code, reason: given.reason, toTag, headers, body };
}
