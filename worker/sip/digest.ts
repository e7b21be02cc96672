/**
 * Digest authentication (RFC 7616, as RFC 8760 puts it into SIP): MD5 and SHA-256, `qop=auth` or none.
 * `DigestClient` answers challenges of a trunk, `DigestServer` challenges callers.
 * No credential and no response ever leaves this file except as a header value.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../shared/kernel/clock.ts';
import { quote, splitList, unquote } from './message/text.ts';
import type { SipCredentials } from './sip-call.ts';

export type DigestAlgorithm = 'MD5' | 'SHA-256';

export interface Challenge {
  readonly realm: string;
  readonly nonce: string;
  readonly opaque: string | null;
  readonly algorithm: DigestAlgorithm;
  readonly qop: 'auth' | null;
  readonly stale: boolean;
}

interface ResponseInput {
  readonly algorithm: DigestAlgorithm;
  readonly realm: string;
  readonly nonce: string;
  readonly method: string;
  readonly uri: string;
  /** Null for RFC 2069 without qop. */
  readonly auth: { readonly nc: string; readonly cnonce: string } | null;
}

/** The `response` value in lower-case hex (RFC 7616 §3.4.1). */
export function digestResponse(credentials: SipCredentials, input: ResponseInput): string {
  const hash = hasher(input.algorithm);
  const a1 = hash(`${credentials.username}:${input.realm}:${credentials.password}`);
  const a2 = hash(`${input.method}:${input.uri}`);
  const middle = input.auth ? `${input.nonce}:${input.auth.nc}:${input.auth.cnonce}:auth` : input.nonce;
  return hash(`${a1}:${middle}:${a2}`);
}

function hasher(algorithm: DigestAlgorithm): (text: string) => string {
  const name = algorithm === 'MD5' ? 'md5' : 'sha256';
  return (text) => createHash(name).update(text).digest('hex');
}

/** `Digest a=b, c="d"` as a map with lower-case names; null for another scheme. */
export function parseDigestFields(value: string): ReadonlyMap<string, string> | null {
  if (value.slice(0, 7).toLowerCase() !== 'digest ') return null;
  const fields = new Map<string, string>();
  for (const part of splitList(value.slice(7))) {
    const equals = part.indexOf('=');
    if (equals <= 0) continue;
    fields.set(part.slice(0, equals).trim().toLowerCase(), unquote(part.slice(equals + 1).trim()));
  }
  return fields;
}

/** A challenge we can answer, or null. */
export function parseChallenge(value: string): Challenge | null {
  const fields = parseDigestFields(value);
  const realm = fields?.get('realm');
  const nonce = fields?.get('nonce');
  const algorithm = algorithmOf(fields?.get('algorithm'));
  if (!fields || realm === undefined || nonce === undefined || !algorithm) return null;
  const qops = fields.get('qop');
  const offersAuth = qops?.split(',').some((qop) => qop.trim().toLowerCase() === 'auth') ?? false;
  if (qops !== undefined && qops !== '' && !offersAuth) return null;
  return {
    realm,
    nonce,
    opaque: fields.get('opaque') ?? null,
    algorithm,
    qop: offersAuth ? 'auth' : null,
    stale: fields.get('stale')?.toLowerCase() === 'true',
  };
}

function algorithmOf(text: string | undefined): DigestAlgorithm | null {
  if (text === undefined || text.toUpperCase() === 'MD5') return 'MD5';
  return text.toUpperCase() === 'SHA-256' ? 'SHA-256' : null;
}

/** The strongest of several challenges that we can answer. */
export function chooseChallenge(values: readonly string[]): Challenge | null {
  const usable = values.map(parseChallenge).filter((challenge) => challenge !== null);
  return usable.find((challenge) => challenge.algorithm === 'SHA-256') ?? usable[0] ?? null;
}

/** The Authorization or Proxy-Authorization value for one request. */
export function authorise(
  credentials: SipCredentials,
  challenge: Challenge,
  request: { readonly method: string; readonly uri: string },
  count: number,
  cnonce: string,
): string {
  const nc = count.toString(16).padStart(8, '0');
  const auth = challenge.qop ? { nc, cnonce } : null;
  const { realm, nonce, algorithm, opaque } = challenge;
  const response = digestResponse(credentials, { algorithm, realm, nonce, auth, ...request });
  let value = `Digest username=${quote(credentials.username)}, realm=${quote(realm)}, nonce=${quote(nonce)}`;
  value += `, uri=${quote(request.uri)}, response="${response}", algorithm=${algorithm}`;
  if (opaque !== null) value += `, opaque=${quote(opaque)}`;
  return auth ? `${value}, qop=auth, nc=${nc}, cnonce="${cnonce}"` : value;
}

const NONCE_LIFE_MS = 300_000;
const MAX_COUNTED = 10_000;

export type Verdict = 'good' | 'absent' | 'stale' | 'wrong';

/** Issues nonces that expire and need no table; remembers only the counts of those in use. */
export class DigestServer {
  readonly #clock: Clock;
  readonly #secret = randomBytes(32);
  /** Highest nc seen by nonce; the oldest nonce makes room. */
  readonly #counts = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** WWW-Authenticate values, the stronger first. */
  challenge(realm: string, stale: boolean): readonly string[] {
    const nonce = this.#nonceAt(this.#clock.now());
    const tail = `, qop="auth"${stale ? ', stale=true' : ''}`;
    const one = (algorithm: DigestAlgorithm): string =>
      `Digest realm=${quote(realm)}, nonce="${nonce}", algorithm=${algorithm}${tail}`;
    return [one('SHA-256'), one('MD5')];
  }

  /** Judges the credentials of a request for a realm. */
  verify(
    values: readonly string[],
    realm: string,
    method: string,
    passwordOf: (username: string) => string | null,
  ): Verdict {
    const fields = values.map(parseDigestFields).find((one) => one?.get('realm') === realm);
    const username = fields?.get('username');
    const algorithm = algorithmOf(fields?.get('algorithm'));
    if (!fields || username === undefined) return 'absent';
    const nonce = fields.get('nonce') ?? '';
    const age = this.#age(nonce);
    if (age === null || !algorithm || fields.get('qop') !== 'auth') return 'wrong';
    const nc = fields.get('nc') ?? '';
    const auth = { nc, cnonce: fields.get('cnonce') ?? '' };
    const uri = fields.get('uri') ?? '';
    const password = passwordOf(username);
    const credentials = { username, password: password ?? '' };
    const expected = digestResponse(credentials, { algorithm, realm, nonce, method, uri, auth });
    if (!equal(expected, fields.get('response') ?? '') || password === null) return 'wrong';
    return age <= NONCE_LIFE_MS && this.#count(nonce, nc) ? 'good' : 'stale';
  }

  #nonceAt(now: number): string {
    const body = `${now.toString(36)}.${randomBytes(9).toString('base64url')}`;
    return `${body}.${this.#seal(body)}`;
  }

  #seal(body: string): string {
    return createHmac('sha256', this.#secret).update(body).digest('base64url').slice(0, 22);
  }

  /** Milliseconds since we made the nonce; null when we did not. */
  #age(nonce: string): number | null {
    const cut = nonce.lastIndexOf('.');
    if (cut < 0 || !equal(this.#seal(nonce.slice(0, cut)), nonce.slice(cut + 1))) return null;
    return this.#clock.now() - Number.parseInt(nonce, 36);
  }

  /** Whether the count goes up: a repeated one is a replay. */
  #count(nonce: string, nc: string): boolean {
    const count = Number.parseInt(nc, 16);
    const before = this.#counts.get(nonce) ?? 0;
    if (!Number.isSafeInteger(count) || count <= before) return false;
    this.#counts.delete(nonce);
    this.#counts.set(nonce, count);
    const oldest = this.#counts.keys().next();
    if (this.#counts.size > MAX_COUNTED && !oldest.done) this.#counts.delete(oldest.value);
    return true;
  }
}

/** In constant time for texts of one length. */
function equal(one: string, other: string): boolean {
  const left = Buffer.from(one);
  const right = Buffer.from(other);
  return left.length === right.length && timingSafeEqual(left, right);
}
