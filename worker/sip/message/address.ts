/** `name-addr` and `addr-spec` of From, To, Contact, Route and their like (RFC 3261 §20.10). */
import { type Parameters, parseParameters, quote, skipQuoted, skipSpace, unquote } from './text.ts';

export interface Address {
  readonly displayName: string | null;
  /** As written; any scheme. */
  readonly uri: string;
  /** Of the header, not of the URI. */
  readonly parameters: Parameters;
}

/** Parses one address; null when it does not hold together. */
export function parseAddress(text: string): Address | null {
  const start = skipSpace(text, 0);
  let open: number;
  let displayName: string | null = null;
  if (text.charCodeAt(start) === 34) {
    const after = skipQuoted(text, start);
    if (after < 0) return null;
    displayName = unquote(text.slice(start, after));
    open = skipSpace(text, after);
    if (text.charCodeAt(open) !== 60) return null;
  } else {
    open = text.indexOf('<', start);
    if (open < 0) return parseBare(text, start);
    const name = text.slice(start, open).trim();
    displayName = name === '' ? null : name;
  }
  const close = text.indexOf('>', open);
  if (close < 0) return null;
  const uri = text.slice(open + 1, close).trim();
  const parameters = parseParameters(text, close + 1);
  return parameters && isUriLike(uri) ? { displayName, uri, parameters } : null;
}

/** Without brackets every parameter belongs to the header (RFC 3261 §20). */
function parseBare(text: string, start: number): Address | null {
  const semicolon = text.indexOf(';', start);
  const end = semicolon < 0 ? text.length : semicolon;
  const uri = text.slice(start, end).trim();
  if (!isUriLike(uri) || uri.includes('?') || uri.includes(',')) return null;
  const parameters = parseParameters(text, end);
  return parameters && { displayName: null, uri, parameters };
}

/** A scheme, a colon, something after it, and no blanks. */
export function isUriLike(uri: string): boolean {
  const colon = uri.indexOf(':');
  if (colon <= 0 || colon === uri.length - 1) return false;
  for (let at = 0; at < uri.length; at++) {
    const code = uri.charCodeAt(at);
    if (code <= 32 || code === 60 || code === 62 || code === 34) return false;
  }
  return true;
}

/** The header value without a tag: `"Name" <uri>`. */
export function formatAddress(displayName: string | null, uri: string): string {
  return displayName === null || displayName === '' ? `<${uri}>` : `${quote(displayName)} <${uri}>`;
}
