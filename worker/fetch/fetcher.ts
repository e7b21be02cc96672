/**
 * HTTP towards the developer's servers, as the call sees it: documents and audio files.
 * The implementation guards destinations, signs, follows redirects and bounds everything.
 */
import type { HttpMethod, KeptCookie } from '../../shared/domain/call.ts';

export interface FetchOrder {
  readonly url: string;
  readonly method: HttpMethod;
  /** Form fields of a POST, query of a GET. */
  readonly fields: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  /** W3C trace context, handed on as a header. */
  readonly traceparent?: string;
}

export interface Fetched {
  readonly kind: 'fetched';
  readonly httpStatus: number;
  /** Lower case, without parameters; null when missing. */
  readonly contentType: string | null;
  readonly body: Buffer;
  /** After redirects: what relative URLs are resolved against. */
  readonly finalUrl: string;
  readonly ms: number;
}

/** An expected failure: `code` as in PROTOCOL §7.2 (11200 status, 11205 time-out, 11215 redirects, 11750 too large …). */
export interface FetchFailed {
  readonly kind: 'failed';
  readonly code: number;
  readonly httpStatus: number | null;
  /** Of the answer that was refused, as in `Fetched`; null when there was none. */
  readonly contentType: string | null;
  readonly detail: string;
  readonly ms: number;
}

export interface Fetcher {
  /** Answers with any 2xx; everything else is a failure. Rejects only with the signal's reason. */
  fetch(order: FetchOrder): Promise<Fetched | FetchFailed>;
  /** What its servers have set so far, for an owner after us. */
  cookies(): readonly KeptCookie[];
}
