/** What went wrong with a request, as PROTOCOL §7.2 and §8 number it. Table-tested. */
import { DeadlineExceeded } from '../../shared/kernel/deadline.ts';
import { DestinationForbidden } from '../../shared/net/destination.ts';

/** An expected failure of one request. */
export class RequestFailed extends Error {
  override readonly name = 'RequestFailed';
  readonly code: number;
  readonly httpStatus: number | null;
  readonly contentType: string | null;
  constructor(
    code: number,
    detail: string,
    answer?: { readonly httpStatus: number; readonly contentType: string | null },
  ) {
    super(detail);
    this.code = code;
    this.httpStatus = answer?.httpStatus ?? null;
    this.contentType = answer?.contentType ?? null;
  }
}

export const fetchCodes = {
  badUrl: 11_100,
  status: 11_200,
  connection: 11_205,
  protocol: 11_206,
  hostName: 11_210,
  redirects: 11_215,
  tls: 11_220,
  tooLarge: 11_750,
} as const;

/** Codes of Node and undici that mean the connection was never made, so nothing was sent. */
const neverConnected: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Whether the request may be tried again because the other side cannot have seen it. */
export function wasNeverSent(error: unknown): boolean {
  return chain(error).some((one) => neverConnected.has(codeOf(one)));
}

/** Any error of a request as an expected failure. The sentence carries no URL and no credentials. */
export function requestFailure(error: unknown): RequestFailed {
  const errors = chain(error);
  const expected = errors.find((one) => one instanceof RequestFailed);
  if (expected instanceof RequestFailed) return expected;
  const forbidden = errors.find((one) => one instanceof DestinationForbidden);
  if (forbidden) return new RequestFailed(fetchCodes.badUrl, `destination forbidden: ${forbidden.message}`);
  const late = errors.find((one) => one instanceof DeadlineExceeded);
  if (late) return new RequestFailed(fetchCodes.connection, late.message);
  const code = errors.map(codeOf).find((text) => text !== '') ?? '';
  return new RequestFailed(numberOf(code), code === '' ? 'the request failed' : `the request failed: ${code}`);
}

function numberOf(code: string): number {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'EAI_NODATA') return fetchCodes.hostName;
  if (/^HPE_|UND_ERR_(HEADERS_OVERFLOW|RES|RESPONSE)/.test(code)) return fetchCodes.protocol;
  if (/TLS|SSL|CERT|SIGNATURE|UNABLE_TO/.test(code)) return fetchCodes.tls;
  return fetchCodes.connection;
}

/** The error, its causes and what it aggregates, outermost first. */
function chain(error: unknown, depth = 0): unknown[] {
  if (depth > 4 || !(error instanceof Error)) return [];
  const inner = error instanceof AggregateError ? error.errors : [];
  return [error, ...chain(error.cause, depth + 1), ...inner.flatMap((one) => chain(one, depth + 1))];
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
