/**
 * Signatures on every request we make: `X-Twilio-Signature` (PROTOCOL §7.4) and the replay-proof
 * `X-Pivot-Signature` (§14.5), and how a receiver verifies them.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

export type SignedFields = Readonly<Record<string, string | readonly string[]>>;

/** What was, or will be, sent. `url` exactly as configured, query included. */
export interface SignedRequest {
  readonly url: string;
  /** Form fields of a POST; none for GET, JSON and WebSocket upgrades. */
  readonly fields?: SignedFields;
  /** The raw body; empty when there is none. */
  readonly body?: string | Uint8Array;
}

export interface SignatureHeaders {
  readonly 'X-Twilio-Signature': string;
  readonly 'X-Pivot-Signature': string;
}

/** How far a signature's time may be off before it counts as a replay. */
export const REPLAY_WINDOW_MS = 300_000;

/** Both headers of one request. `nowMs` is wall time. */
export function signatureHeaders(authToken: string, request: SignedRequest, nowMs: number): SignatureHeaders {
  return {
    'X-Twilio-Signature': twilioSignature(authToken, request.url, request.fields),
    'X-Pivot-Signature': pivotSignature(authToken, request.url, request.body ?? '', nowMs),
  };
}

/** base64(HMAC-SHA1(token, URL + sorted name+value)); repeated values once each, sorted. */
export function twilioSignature(authToken: string, url: string, fields: SignedFields = {}): string {
  let text = url;
  for (const name of Object.keys(fields).sort()) {
    const value = fields[name] ?? '';
    const values = typeof value === 'string' ? [value] : [...new Set(value)].sort();
    for (const one of values) text += name + one;
  }
  return createHmac('sha1', authToken).update(text, 'utf8').digest('base64');
}

/** The URL a JSON body is posted to and signed with: it carries the body's hash, the fields stay empty. */
export function withBodyHash(url: string, body: string | Uint8Array): string {
  return `${url}${url.includes('?') ? '&' : '?'}bodySHA256=${sha256(body)}`;
}

/** `t=<unix seconds>,v1=<hex HMAC-SHA256(token, t.URL.body)>`. */
export function pivotSignature(authToken: string, url: string, body: string | Uint8Array, nowMs: number): string {
  const seconds = Math.floor(nowMs / 1000).toString();
  return `t=${seconds},v1=${pivotDigest(authToken, seconds, url, body)}`;
}

/**
 * Verifies `X-Pivot-Signature` in constant time; false as well when it is older or newer than the window.
 * `header` is what came, whatever it is; `nowMs` is wall time.
 */
export function verifySignature(
  authToken: string,
  header: string | undefined,
  request: SignedRequest,
  nowMs: number = Date.now(),
  windowMs: number = REPLAY_WINDOW_MS,
): boolean {
  const parts = (header ?? '').split(',', 8).map((part) => part.trim());
  const seconds = parts.find((part) => /^t=\d{1,12}$/.test(part))?.slice(2);
  if (seconds === undefined || Math.abs(nowMs - Number(seconds) * 1000) > windowMs) return false;
  const wanted = pivotDigest(authToken, seconds, request.url, request.body ?? '');
  return parts.some((part) => part.startsWith('v1=') && equal(part.slice(3), wanted));
}

/**
 * Verifies `X-Twilio-Signature` in constant time, with and without the scheme's default port.
 * A URL with `bodySHA256` is checked against the body too.
 */
export function verifyTwilioSignature(authToken: string, header: string | undefined, request: SignedRequest): boolean {
  const { url, fields = {}, body = '' } = request;
  if (header === undefined) return false;
  if (!spellings(url).some((spelling) => equal(header, twilioSignature(authToken, spelling, fields)))) return false;
  const hash = /[?&]bodySHA256=([^&#]*)/.exec(url)?.[1];
  return hash === undefined || equal(hash.toLowerCase(), sha256(body));
}

const defaultPorts: Readonly<Record<string, string>> = { http: '80', ws: '80', https: '443', wss: '443' };

/** The URL as given, and with the default port added or taken away. */
function spellings(url: string): string[] {
  const match = /^(https?|wss?):\/\/((?:[^/?#@]*@)?(?:\[[^\]]*\]|[^/?#:]*))(:\d+)?(.*)$/is.exec(url);
  const [, scheme = '', host = '', port, rest = ''] = match ?? [];
  if (match === null) return [url];
  return port === undefined
    ? [url, `${scheme}://${host}:${defaultPorts[scheme.toLowerCase()]}${rest}`]
    : [url, `${scheme}://${host}${rest}`];
}

function pivotDigest(authToken: string, seconds: string, url: string, body: string | Uint8Array): string {
  return createHmac('sha256', authToken).update(`${seconds}.${url}.`, 'utf8').update(body).digest('hex');
}

function sha256(body: string | Uint8Array): string {
  return createHash('sha256').update(body).digest('hex');
}

function equal(given: string, wanted: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(wanted)];
  return one.length === other.length && timingSafeEqual(one, other);
}
