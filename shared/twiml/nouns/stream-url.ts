/** Where a stream's `url` leads: resolved against the document, wss where no scheme says else (PROTOCOL §0 row 22, §2.1; AC-4, AC-37). */
import type { Dialect } from '../../domain/dialect.ts';
import type { StreamError } from '../../domain/stream.ts';
import { readStreamUrl } from '../../domain/stream-spec.ts';

export type ResolvedStreamUrl =
  | { readonly kind: 'url'; readonly url: string /** A query or fragment was dropped. */; readonly stripped: boolean }
  | { readonly kind: 'fault'; readonly fault: StreamError };

export interface StreamUrlContext {
  readonly dialect: Dialect;
  readonly baseUrl: string | null;
  readonly allowInsecureWs: boolean;
}

/** `text` null: the document's own address in Pivot, a fault in Twilio. Pivot always takes ws. */
export function resolveStreamUrl(text: string | null, context: StreamUrlContext): ResolvedStreamUrl {
  if (text === null && context.dialect === 'twilio') return fault(31_923, 'invalid websocket url');
  const read = readStreamUrl(
    absolute(text ?? '', context.baseUrl),
    context.dialect === 'pivot' || context.allowInsecureWs,
  );
  return read.kind === 'url' ? read : fault(read.code, read.message);
}

/** What cannot be resolved is left as it is and refused by the reader. */
function absolute(text: string, baseUrl: string | null): string {
  if (/^[a-z][a-z0-9+.-]*:/i.test(text) || baseUrl === null) return text;
  try {
    const url = new URL(text, baseUrl);
    url.protocol = 'wss:';
    return url.href;
  } catch {
    return text;
  }
}

const fault = (code: number, message: string): ResolvedStreamUrl => ({ kind: 'fault', fault: { code, message } });
