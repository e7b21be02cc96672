/** Building a response to a request (RFC 3261 §8.2.6) and the usual reason phrases (§21). */
import { HeaderList } from './headers.ts';
import type { SipRequest, SipResponse } from './message.ts';

const REASONS: Readonly<Record<number, string>> = {
  100: 'Trying',
  180: 'Ringing',
  181: 'Call Is Being Forwarded',
  183: 'Session Progress',
  200: 'OK',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  407: 'Proxy Authentication Required',
  408: 'Request Timeout',
  415: 'Unsupported Media Type',
  416: 'Unsupported URI Scheme',
  420: 'Bad Extension',
  480: 'Temporarily Unavailable',
  481: 'Call/Transaction Does Not Exist',
  482: 'Loop Detected',
  483: 'Too Many Hops',
  486: 'Busy Here',
  487: 'Request Terminated',
  488: 'Not Acceptable Here',
  491: 'Request Pending',
  500: 'Server Internal Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  505: 'Version Not Supported',
  603: 'Decline',
};

/** The RFC's phrase for a code, or the name of its class. */
export function reasonPhrase(code: number): string {
  const classes = ['', 'Progress', 'OK', 'Redirection', 'Request Failure', 'Server Failure', 'Global Failure'];
  return REASONS[code] ?? classes[Math.floor(code / 100)] ?? 'Unknown';
}

export interface ResponseParts {
  readonly code: number;
  readonly reason?: string;
  /** Our tag, put on To when the request had none there. */
  readonly toTag: string | null;
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: string;
}

/** Copies Via, From, To, Call-ID and CSeq, whatever of them is there. */
export function buildResponse(request: SipRequest, parts: ResponseParts): SipResponse {
  const headers = new HeaderList();
  for (const via of request.headers.all('via')) headers.add('via', via);
  copy(request, headers, 'from');
  const to = request.headers.get('to');
  if (to !== null) headers.add('to', parts.toTag === null || hasTag(to) ? to : `${to};tag=${parts.toTag}`);
  copy(request, headers, 'call-id');
  copy(request, headers, 'cseq');
  if (parts.code === 100) copy(request, headers, 'timestamp');
  for (const [name, value] of parts.headers ?? []) headers.add(name, value);
  return {
    kind: 'response',
    status: parts.code,
    reason: parts.reason ?? reasonPhrase(parts.code),
    headers,
    body: parts.body ?? '',
  };
}

function copy(request: SipRequest, headers: HeaderList, name: string): void {
  const value = request.headers.get(name);
  if (value !== null) headers.add(name, value);
}

/** Looks behind the brackets, so that a `;tag=` inside the URI does not count. */
function hasTag(to: string): boolean {
  return /;\s*tag\s*=/i.test(to.slice(to.lastIndexOf('>') + 1));
}
