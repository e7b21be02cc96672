/**
 * Scanning that knows quoted strings and angle brackets: lists at commas, parameters at
 * semicolons (RFC 3261 §25.1). No expressions and no exceptions; `null` says "does not parse".
 */

const QUOTE = 34;
const BACKSLASH = 92;
const SEMICOLON = 59;

/** Index after the closing quote of the string that opens at `at`, or -1. */
export function skipQuoted(text: string, at: number): number {
  for (let index = at + 1; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === BACKSLASH) index++;
    else if (code === QUOTE) return index + 1;
  }
  return -1;
}

/** The text inside quotes with the escapes undone; text without quotes comes back as it is. */
export function unquote(text: string): string {
  if (text.length < 2 || text.charCodeAt(0) !== QUOTE || text.charCodeAt(text.length - 1) !== QUOTE) return text;
  const inner = text.slice(1, -1);
  if (!inner.includes('\\')) return inner;
  let out = '';
  for (let at = 0; at < inner.length; at++) {
    if (inner.charCodeAt(at) === BACKSLASH && at + 1 < inner.length) at++;
    out += inner[at];
  }
  return out;
}

/** The text as a quoted string. Line ends become spaces: they cannot be quoted. */
export function quote(text: string): string {
  return `"${text.replace(/[\r\n]+/g, ' ').replace(/["\\]/g, '\\$&')}"`;
}

/** Index of the first comma outside quotes and brackets from `from`, or the length. */
export function elementEnd(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const after = skipQuoted(text, at);
      if (after < 0) return text.length;
      at = after - 1;
    } else if (code === 60) depth++;
    else if (code === 62) depth = Math.max(0, depth - 1);
    else if (code === 44 && depth === 0) return at;
  }
  return text.length;
}

/** The elements of a comma-separated value, trimmed, empty ones left out. */
export function splitList(text: string): string[] {
  if (!text.includes(',')) {
    const only = text.trim();
    return only === '' ? [] : [only];
  }
  const found: string[] = [];
  for (let at = 0; at <= text.length; ) {
    const end = elementEnd(text, at);
    const element = text.slice(at, end).trim();
    if (element !== '') found.push(element);
    at = end + 1;
  }
  return found;
}

export type Parameters = ReadonlyMap<string, string>;
const NONE: Parameters = new Map();

/** `;name=value;flag` from `from` to the end; names in lower case, a flag has the value ''. */
export function parseParameters(text: string, from = 0): Parameters | null {
  let at = skipSpace(text, from);
  if (at >= text.length) return NONE;
  const found = new Map<string, string>();
  while (at < text.length) {
    if (text.charCodeAt(at) !== SEMICOLON) return null;
    const end = parameterEnd(text, at + 1);
    if (end < 0) return null;
    const equals = text.indexOf('=', at + 1);
    if (equals >= 0 && equals < end) {
      const name = text
        .slice(at + 1, equals)
        .trim()
        .toLowerCase();
      if (name === '') return null;
      found.set(name, unquote(text.slice(equals + 1, end).trim()));
    } else {
      const name = text
        .slice(at + 1, end)
        .trim()
        .toLowerCase();
      if (name !== '') found.set(name, '');
    }
    at = end;
  }
  return found;
}

function parameterEnd(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === SEMICOLON) return at;
    if (code !== QUOTE) continue;
    const after = skipQuoted(text, at);
    if (after < 0) return -1;
    at = after - 1;
  }
  return text.length;
}

export function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && (text.charCodeAt(at) === 32 || text.charCodeAt(at) === 9)) at++;
  return at;
}

/** A decimal of digits only, not above `max`; null otherwise. */
export function parseDigits(text: string, max: number): number | null {
  if (text.length === 0 || text.length > 10) return null;
  let value = 0;
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) return null;
    value = value * 10 + digit;
  }
  return value <= max ? value : null;
}
