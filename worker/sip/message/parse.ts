/**
 * Bytes to a message. Tolerant where RFC 4475 asks for it (folding, compact names, odd blanks, bare
 * line feeds) and never throws: what does not hold together comes back as a problem, together with
 * as much of a request as a 400 needs.
 */
import { isUriLike, parseAddress } from './address.ts';
import { HeaderList } from './headers.ts';
import type { CSeq, Essentials, IncomingMessage, SipRequest } from './message.ts';
import { innerName, isToken } from './names.ts';
import { parseDigits } from './text.ts';
import { parseVia, type Via } from './via.ts';

const MAX_FIELDS = 256;
const MAX_CSEQ = 2_147_483_647;

/** What a broken request can still be answered with: its top Via is good. */
export interface Answerable {
  readonly code: 400 | 505;
  readonly request: SipRequest;
  readonly via: Via;
}

export type ParseResult =
  | { readonly ok: true; readonly message: IncomingMessage }
  | { readonly ok: false; readonly problem: string; readonly answer: Answerable | null };

/** Start line and header fields, not yet judged. */
export interface Head {
  readonly start: string;
  readonly headers: HeaderList;
  readonly problem: string | null;
}

/** A whole datagram. Without Content-Length the body reaches to its end (RFC 3261 §18.3). */
export function parseDatagram(bytes: Buffer): ParseResult {
  const start = skipLineEnds(bytes);
  const end = headEnd(bytes, start);
  const head = parseHead(bytes.toString('utf8', start, end.head));
  const length = contentLength(head.headers);
  const available = bytes.length - end.body;
  if (length === 'bad') return judge(head, '', 'Content-Length is not a number');
  if (length !== null && length > available) return judge(head, '', 'body is shorter than Content-Length');
  const bodyEnd = length === null ? bytes.length : end.body + length;
  return judge(head, bodyEnd === end.body ? '' : bytes.toString('utf8', end.body, bodyEnd), null);
}

/** Index of the first byte that is no CR or LF. */
export function skipLineEnds(bytes: Buffer): number {
  let at = 0;
  while (at < bytes.length && (bytes[at] === 13 || bytes[at] === 10)) at++;
  return at;
}

/** Where the header ends and the body begins; both the length when there is no empty line. */
function headEnd(bytes: Buffer, from: number): { head: number; body: number } {
  const strict = bytes.indexOf('\r\n\r\n', from, 'latin1');
  if (strict >= 0) return { head: strict + 2, body: strict + 4 };
  const bare = bytes.indexOf('\n\n', from, 'latin1');
  return bare >= 0 ? { head: bare + 1, body: bare + 2 } : { head: bytes.length, body: bytes.length };
}

/** Content-Length, null when absent, 'bad' when unreadable or contradicting itself. */
export function contentLength(headers: HeaderList): number | null | 'bad' {
  const value = headers.get('content-length');
  if (value === null) return null;
  if (headers.count('content-length') > 1) return 'bad';
  return parseDigits(value, 100_000_000) ?? 'bad';
}

/** Splits the header section into fields; folded lines are joined with one blank. */
export function parseHead(text: string): Head {
  const names: string[] = [];
  const values: string[] = [];
  let problem: string | null = null;
  let lineEnd = text.indexOf('\n');
  if (lineEnd < 0) lineEnd = text.length;
  const start = text.charCodeAt(lineEnd - 1) === 13 ? text.slice(0, lineEnd - 1) : text.slice(0, lineEnd);
  for (let at = lineEnd + 1; at < text.length; ) {
    let end = text.indexOf('\n', at);
    if (end < 0) end = text.length;
    let folded = false;
    while (isBlank(text.charCodeAt(end + 1))) {
      folded = true;
      end = text.indexOf('\n', end + 1);
      if (end < 0) end = text.length;
    }
    const colon = text.indexOf(':', at);
    const name = colon > at && colon < end ? innerName(text.slice(at, colon).trimEnd()) : null;
    if (name === null) {
      if (end > at && text.slice(at, end).trim() !== '') problem ??= 'a header line is no header';
    } else if (names.length >= MAX_FIELDS) {
      problem ??= 'too many header fields';
    } else {
      const value = text.slice(colon + 1, end).trim();
      names.push(name);
      values.push(folded ? unfold(value) : value);
    }
    at = end + 1;
  }
  return { start, headers: new HeaderList(names, values), problem };
}

const isBlank = (code: number): boolean => code === 32 || code === 9;

function unfold(value: string): string {
  return value
    .split('\n')
    .map((line) => line.trim())
    .join(' ');
}

/** Reads start line and essentials; `bodyProblem` is what the framing already found wrong. */
export function judge(head: Head, body: string, bodyProblem: string | null): ParseResult {
  if (head.start.startsWith('SIP/')) return judgeResponse(head, body, bodyProblem);
  const line = parseRequestLine(head.start);
  if (!line) return { ok: false, problem: 'not a SIP message', answer: null };
  const request: SipRequest = { kind: 'request', method: line.method, uri: line.uri, headers: head.headers, body };
  const essentials = parseEssentials(head.headers);
  const problem =
    line.problem ?? head.problem ?? bodyProblem ?? essentials.problem ?? requestProblem(request, essentials);
  if (problem !== null || !isComplete(essentials)) {
    return refused(problem ?? 'incomplete', essentials.via, request, line.badVersion ? 505 : 400);
  }
  return { ok: true, message: withEssentials(request, essentials) };
}

function judgeResponse(head: Head, body: string, bodyProblem: string | null): ParseResult {
  const { start, headers } = head;
  const status = start.startsWith('SIP/2.0 ') ? parseDigits(start.slice(8, 11), 699) : null;
  const separator = start.charCodeAt(11);
  if (status === null || status < 100 || !(separator === 32 || start.length === 11)) {
    return { ok: false, problem: 'bad status line', answer: null };
  }
  const essentials = parseEssentials(headers);
  const problem = head.problem ?? bodyProblem ?? essentials.problem;
  if (problem !== null || !isComplete(essentials)) return { ok: false, problem: problem ?? 'incomplete', answer: null };
  const reason = start.slice(12).trim();
  return { ok: true, message: withEssentials({ kind: 'response', status, reason, headers, body }, essentials) };
}

function refused(problem: string, via: Via | null, request: SipRequest, code: 400 | 505): ParseResult {
  const answerable = via !== null && request.method !== 'ACK' && isToken(request.method);
  return { ok: false, problem, answer: answerable ? { code, request, via } : null };
}

interface RequestLine {
  readonly method: string;
  readonly uri: string;
  readonly badVersion: boolean;
  readonly problem: string | null;
}

/** `METHOD uri SIP/2.0`; null when it is nothing like it. */
function parseRequestLine(start: string): RequestLine | null {
  const first = start.indexOf(' ');
  const version = start.toUpperCase().lastIndexOf(' SIP/');
  if (first <= 0 || version < first || !isToken(start.slice(0, first))) return null;
  const method = start.slice(0, first);
  const uri = start.slice(first + 1, version);
  const said = start.slice(version + 5);
  const badVersion = said.trim() !== '2.0';
  const problem = badVersion ? 'unknown SIP version' : said !== '2.0' ? 'blanks after the version' : uriProblem(uri);
  return { method, uri, badVersion, problem };
}

function uriProblem(uri: string): string | null {
  if (!isUriLike(uri)) return 'malformed Request-URI';
  return uri.startsWith('sip') && uri.includes('?') && uri.indexOf('?') > uri.indexOf('@')
    ? 'headers in the Request-URI'
    : null;
}

type Draft = { -readonly [Key in keyof Essentials]: Essentials[Key] | null } & { problem: string | null };

function parseEssentials(headers: HeaderList): Draft {
  const draft: Draft = {
    via: null,
    from: null,
    to: null,
    fromTag: null,
    toTag: null,
    callId: headers.get('call-id'),
    cseq: null,
    problem: null,
  };
  const via = headers.get('via');
  draft.via = via === null ? null : parseVia(via);
  const from = headers.get('from');
  draft.from = from === null ? null : parseAddress(from);
  const to = headers.get('to');
  draft.to = to === null ? null : parseAddress(to);
  const cseq = headers.get('cseq');
  draft.cseq = cseq === null ? null : parseCSeq(cseq);
  draft.fromTag = draft.from?.parameters.get('tag') ?? null;
  draft.toTag = draft.to?.parameters.get('tag') ?? null;
  draft.problem = essentialsProblem(draft, headers);
  return draft;
}

const SINGLE = ['from', 'to', 'call-id', 'cseq'] as const;

function essentialsProblem(draft: Draft, headers: HeaderList): string | null {
  if (!draft.via) return 'Via is missing or malformed';
  if (!draft.from) return 'From is missing or malformed';
  if (!draft.to) return 'To is missing or malformed';
  if (draft.callId === null || draft.callId === '') return 'Call-ID is missing';
  if (!draft.cseq) return 'CSeq is missing or malformed';
  for (const name of SINGLE) if (headers.count(name) > 1) return 'a header that must stand once stands twice';
  return null;
}

function parseCSeq(text: string): CSeq | null {
  let end = 0;
  while (end < text.length && !isBlank(text.charCodeAt(end))) end++;
  const digits = text.slice(0, end).replace(/^0+(?=\d)/, '');
  const number = parseDigits(digits, MAX_CSEQ);
  const method = text.slice(end).trim();
  return number === null || !isToken(method) ? null : { number, method };
}

function requestProblem(request: SipRequest, draft: Draft): string | null {
  if (draft.cseq?.method !== request.method) return 'CSeq names another method';
  const hops = request.headers.get('max-forwards');
  if (hops !== null && parseDigits(hops, 255) === null) return 'Max-Forwards is not 0 to 255';
  const expires = request.headers.get('expires');
  if (expires !== null && parseDigits(expires, 4_294_967_295) === null) return 'Expires is not a number';
  for (const contact of request.headers.list('contact')) {
    if (contact !== '*' && !parseAddress(contact)) return 'Contact is malformed';
  }
  return null;
}

function isComplete(draft: Draft): draft is Draft & Essentials {
  return draft.via !== null && draft.from !== null && draft.to !== null && draft.callId !== null && draft.cseq !== null;
}

function withEssentials<T extends object>(message: T, found: Essentials): T & Essentials {
  const { via, from, to, fromTag, toTag, callId, cseq } = found;
  return { ...message, via, from, to, fromTag, toTag, callId, cseq };
}
