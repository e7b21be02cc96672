/** What this user agent can do, as it says in Allow, Accept and Supported, and who may ask what of it. */
import type { IncomingRequest } from '../message/message.ts';
import type { ResponseParts } from '../message/respond.ts';
import { schemeOf } from '../message/uri.ts';

export const ALLOW = 'INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE';
const ALLOWED = new Set(ALLOW.split(', '));
/** Methods of RFCs that we know of and do not do: 405 instead of 501. */
const KNOWN = new Set(['REGISTER', 'SUBSCRIBE', 'NOTIFY', 'REFER', 'MESSAGE', 'PUBLISH', 'PRACK']);

export type Header = readonly [string, string];

export const ABILITIES: readonly Header[] = [
  ['allow', ALLOW],
  ['accept', 'application/sdp'],
  ['accept-encoding', 'identity'],
  ['supported', ''],
];

/** Why a request is refused whatever it is about, or null (RFC 3261 §8.2, RFC 7332 for the hops). */
export function refusal(request: IncomingRequest): Omit<ResponseParts, 'toTag'> | null {
  if (!ALLOWED.has(request.method)) {
    const code = KNOWN.has(request.method) ? 405 : 501;
    return { code, headers: [['allow', ALLOW]] };
  }
  const scheme = schemeOf(request.uri);
  if (scheme !== 'sip' && scheme !== 'sips' && scheme !== 'tel') return { code: 416 };
  if (request.method !== 'OPTIONS' && request.headers.get('max-forwards') === '0') return { code: 483 };
  const required = request.headers.list('require');
  if (required.length > 0) return { code: 420, headers: [['unsupported', required.join(', ')]] };
  return bodyRefusal(request);
}

/** Only plain SDP is understood where a session is described; INFO may carry anything. */
function bodyRefusal(request: IncomingRequest): Omit<ResponseParts, 'toTag'> | null {
  if (request.body === '' || (request.method !== 'INVITE' && request.method !== 'UPDATE')) return null;
  const encoding = request.headers.get('content-encoding');
  if (encoding !== null && encoding.toLowerCase() !== 'identity') {
    return { code: 415, headers: [['accept-encoding', 'identity']] };
  }
  const type = request.headers.get('content-type')?.toLowerCase() ?? '';
  const optional = request.headers.get('content-disposition')?.toLowerCase().includes('handling=optional');
  if (type.startsWith('application/sdp') || optional === true) return null;
  return { code: 415, headers: [['accept', 'application/sdp']] };
}
