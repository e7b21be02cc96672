/**
 * Digits that come as SIP INFO: `application/dtmf-relay` (Signal= and Duration= lines) and
 * `application/dtmf` (the digit alone). Neither is a standard; both are what phones send.
 */

export interface InfoDigit {
  readonly digit: string;
  readonly durationMs: number;
}

/** What most phones mean when they give no duration. */
const USUAL_MS = 160;
const LONGEST_MS = 10_000;
/** Two short lines; whatever is longer is no digit, and is not looked through for one. */
const LONGEST_BODY = 256;
/** Within a line: white space that crosses lines is gone through again from each of them. */
const signalLine = /^[ \t]*Signal[ \t]*=[ \t]*(\S+)/im;
const durationLine = /^[ \t]*Duration[ \t]*=[ \t]*(\d{1,6})/im;

/** The events of RFC 4733 §3.2 by number, as some phones spell them. */
const byNumber: Readonly<Record<string, string>> = { 10: '*', 11: '#', 12: 'A', 13: 'B', 14: 'C', 15: 'D' };

function digitOf(text: string): string | null {
  const spelt = text.trim().toUpperCase();
  const digit = byNumber[spelt] ?? spelt;
  return /^[0-9A-D*#]$/.test(digit) ? digit : null;
}

/** The digit in an INFO body; null when it holds none. */
export function readInfoDigit(contentType: string, body: string): InfoDigit | null {
  if (body.length > LONGEST_BODY) return null;
  const type = contentType.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/dtmf-relay' && type !== 'application/dtmf') return null;
  const signal = signalLine.exec(body)?.[1] ?? body;
  const digit = digitOf(signal);
  if (digit === null) return null;
  const told = Number(durationLine.exec(body)?.[1] ?? USUAL_MS);
  return { digit, durationMs: Math.min(Math.max(told, 1), LONGEST_MS) };
}
