/**
 * A SIP message as data. `SipRequest`/`SipResponse` are what we build; `Incoming…` are what the
 * parser vouches for: with the six fields RFC 3261 §8.1.1 requires already read.
 */
import type { Address } from './address.ts';
import type { HeaderList } from './headers.ts';
import type { Via } from './via.ts';

export interface SipRequest {
  readonly kind: 'request';
  readonly method: string;
  /** Request-URI as written. */
  readonly uri: string;
  readonly headers: HeaderList;
  /** UTF-8; '' for none. */
  readonly body: string;
}

export interface SipResponse {
  readonly kind: 'response';
  /** 100–699. */
  readonly status: number;
  readonly reason: string;
  readonly headers: HeaderList;
  readonly body: string;
}

export interface CSeq {
  /** 0 … 2^31 − 1 */
  readonly number: number;
  readonly method: string;
}

export interface Essentials {
  /** The topmost. */
  readonly via: Via;
  readonly from: Address;
  readonly to: Address;
  readonly fromTag: string | null;
  readonly toTag: string | null;
  readonly callId: string;
  readonly cseq: CSeq;
}

export type IncomingRequest = SipRequest & Essentials;
export type IncomingResponse = SipResponse & Essentials;
export type IncomingMessage = IncomingRequest | IncomingResponse;

/** The body when it is SDP, else null. */
export function sdpOf(message: SipRequest | SipResponse): string | null {
  if (message.body === '') return null;
  const type = message.headers.get('content-type');
  return type?.toLowerCase().startsWith('application/sdp') ? message.body : null;
}

/** `Retry-After` in milliseconds, null when there is none or it makes no sense (RFC 3261 §20.33). */
export function retryAfterMs(message: SipResponse): number | null {
  const value = message.headers.get('retry-after');
  if (value === null) return null;
  const seconds = Number.parseInt(value, 10);
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds, 86_400) * 1000 : null;
}
