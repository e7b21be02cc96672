/** Where a stream connects to: PROTOCOL §0 row 22, §2.1; AC-4, AC-37. For TwiML and REST alike. */
import type { Dialect } from '../../domain/dialect.ts';
import type { StreamError } from '../../domain/stream.ts';

export type StreamUrl =
  | { readonly kind: 'url'; readonly url: string /** A query was dropped. */; readonly stripped: boolean }
  | { readonly kind: 'fault'; readonly fault: StreamError };

export interface StreamUrlContext {
  readonly dialect: Dialect;
  readonly baseUrl: string | null;
  readonly allowInsecureWs: boolean;
}

/** Absolute ws or wss without query and fragment. `text` null: the document's own address (Pivot). */
export function streamUrl(text: string | null, context: StreamUrlContext): StreamUrl {
  if (text === null && context.dialect === 'twilio') return fault(31_923, 'url is missing');
  const absolute = text !== null && /^[a-z][a-z0-9+.-]*:/i.test(text);
  const url = parsed(text ?? '', absolute ? null : context.baseUrl);
  if (url === null) return fault(31_923, 'invalid websocket url');
  if (!absolute) url.protocol = 'wss:';
  if (url.protocol !== 'ws:' && url.protocol !== 'wss:') return fault(31_922, 'invalid websocket url');
  if (url.protocol === 'ws:' && context.dialect === 'twilio' && !context.allowInsecureWs) {
    return fault(31_922, 'only wss is supported');
  }
  const stripped = url.search !== '' && text !== null;
  url.search = '';
  url.hash = '';
  return { kind: 'url', url: url.href, stripped };
}

function parsed(text: string, base: string | null): URL | null {
  try {
    // ws and http are both special schemes, so a URL may be moved from one to the other.
    return base === null ? new URL(text) : new URL(text, base);
  } catch {
    return null;
  }
}

const fault = (code: number, message: string): StreamUrl => ({ kind: 'fault', fault: { code, message } });
