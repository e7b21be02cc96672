/**
 * Why a stream failed, or was warned: PROTOCOL §4.6 codes with the sentences of §2.9 where one fits.
 * Pure.
 */
import type { StreamError } from '../../shared/domain/stream.ts';
import { DestinationForbidden } from '../../shared/net/destination.ts';

/** A socket that is gone, or never came to be. */
export interface Loss {
  readonly error: StreamError;
  /** `connect`: no TCP; `upgrade`: no WebSocket; `lost`: gone without a close frame; `closed`: the app's close frame. */
  readonly stage: 'connect' | 'upgrade' | 'lost' | 'closed';
  /** Whether trying the same again can help. */
  readonly retryable: boolean;
  /** The close code of the app; null when there was none. */
  readonly closeCode: number | null;
}

export const warnings = {
  congestion: { code: 31930, message: 'the app reads too slowly, audio for it was discarded' },
  backlog: { code: 31931, message: 'more than 10 minutes of audio buffered, the excess was discarded' },
  binary: { code: 31950, message: 'binary message discarded' },
  invalid: { code: 31951, message: 'invalid message discarded' },
} as const satisfies Record<string, StreamError>;

export const failures = {
  connectTimeout: { code: 31901, message: 'connect timeout' },
  upgradeTimeout: { code: 31901, message: 'connection upgrade timeout' },
  abrupt: { code: 31903, message: 'websocket error: the connection was lost' },
  dead: { code: 31903, message: 'websocket error: no answer to pings' },
  clogged: { code: 31903, message: 'websocket error: the app does not read' },
  badUrl: { code: 31923, message: 'invalid websocket url' },
  badScheme: { code: 31922, message: 'invalid websocket url' },
} as const satisfies Record<string, StreamError>;

export function statusFailure(status: number): StreamError {
  return { code: 31920, message: `connection failed with status code ${status}` };
}

/** A close frame of the app's. 1000, 1001 and none at all are its good right and no error. */
export function closeError(code: number): StreamError | null {
  const ordinary = code === 1000 || code === 1001 || code === 1005;
  return ordinary ? null : { code: 31921, message: `websocket closed with code ${code}` };
}

const tlsCode =
  /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|HOSTNAME_MISMATCH|INVALID_CA|EPROTO|ERR_OSSL|INVALID_PURPOSE)/;
const unreachable = new Set(['EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN']);

/** What a failed connect or upgrade means. `connected` says whether TCP was up. */
export function connectFailure(error: Error, connected: boolean): Loss {
  const code = codeOf(error);
  const loss = (number: number, message: string, retryable: boolean): Loss => ({
    error: { code: number, message },
    stage: connected ? 'upgrade' : 'connect',
    retryable,
    closeCode: null,
  });
  if (error instanceof DestinationForbidden) return loss(31904, `connect failed: ${error.message}`, false);
  if (tlsCode.test(code)) return loss(31910, `connect failed: TLS ${code}`, false);
  if (/^Invalid (Sec-WebSocket|Upgrade)|subprotocol|extension/i.test(error.message) || code.startsWith('HPE_')) {
    return loss(31924, 'connection failed: not a WebSocket server', false);
  }
  if (connected) return loss(31903, `connect failed: ${code === '' ? 'connection lost' : code}`, false);
  if (code === 'ECONNREFUSED') return loss(31902, 'connect failed: refused', true);
  if (code === 'ETIMEDOUT') return loss(31901, 'connect timeout', true);
  if (unreachable.has(code)) return loss(31904, `connect failed: ${code}`, code !== 'ENOTFOUND');
  return loss(31900, `connect failed${code === '' ? '' : `: ${code}`}`, true);
}

/** A rule of RFC 6455 that the app broke, as in `unexpected_mask`. */
export function ruleBroken(rule: string): StreamError {
  return { code: 31924, message: `websocket error: ${rule}` };
}

/** The code of a Node error; of an AggregateError (several addresses tried) the first one's. */
function codeOf(error: Error): string {
  if ('code' in error && typeof error.code === 'string') return error.code;
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return codeOf(error.errors[0]);
  return '';
}
