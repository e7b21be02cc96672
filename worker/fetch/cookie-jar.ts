/** Cookies of one call: sent back to the host that set them, as Twilio's client does (PROTOCOL §7.2). Bounded. */
import type { KeptCookie } from '../../shared/domain/call.ts';

const MAX_COOKIES = 50;
const MAX_BYTES = 4096;
/** Names and values of those that are written down with each verb, all together. */
const MAX_KEPT_BYTES = 8192;

interface Cookie {
  readonly value: string;
  readonly secure: boolean;
  readonly expiresAt: number;
}

export class CookieJar {
  readonly #byHost = new Map<string, Map<string, Cookie>>();
  #count = 0;

  /** `kept`: what an owner before us had. */
  constructor(kept: readonly KeptCookie[] = [], nowMs = 0) {
    for (const { host, name, value, secure, expiresAt } of kept)
      this.#put(host, name, { value, secure, expiresAt: expiresAt ?? Number.POSITIVE_INFINITY }, nowMs);
  }

  /** What is written down for the owner after us: those that still hold, the newest when it is too much. */
  kept(nowMs: number): readonly KeptCookie[] {
    let bytes = 0;
    return [...this.#byHost]
      .flatMap(([host, cookies]) => [...cookies].map(([name, cookie]) => ({ host, name, ...cookie })))
      .reverse()
      .filter(({ name, value, expiresAt }) => {
        if (expiresAt <= nowMs) return false;
        bytes += name.length + value.length;
        return bytes <= MAX_KEPT_BYTES;
      })
      .reverse()
      .map((cookie) => ({ ...cookie, expiresAt: Number.isFinite(cookie.expiresAt) ? cookie.expiresAt : null }));
  }

  /** Takes the `Set-Cookie` lines of an answer. A cookie belongs to its host alone; `Domain` and `Path` are not widened. */
  take(url: URL, lines: readonly string[], nowMs: number): void {
    for (const line of lines) {
      const cookie = line.length <= MAX_BYTES ? parse(line, nowMs) : null;
      if (cookie !== null) this.#put(url.hostname, cookie.name, cookie, nowMs);
    }
  }

  /** The `Cookie` header for a request; null when there is nothing to send. */
  header(url: URL, nowMs: number): string | null {
    const cookies = [...(this.#byHost.get(url.hostname) ?? [])].filter(
      ([, cookie]) => cookie.expiresAt > nowMs && (!cookie.secure || url.protocol === 'https:'),
    );
    return cookies.length === 0 ? null : cookies.map(([name, { value }]) => `${name}=${value}`).join('; ');
  }

  #put(host: string, name: string, cookie: Cookie, nowMs: number): void {
    const cookies = this.#byHost.get(host) ?? new Map<string, Cookie>();
    this.#byHost.set(host, cookies);
    if (cookies.delete(name)) this.#count -= 1;
    if (cookie.expiresAt <= nowMs || this.#count >= MAX_COOKIES) return;
    cookies.set(name, cookie);
    this.#count += 1;
  }
}

function parse(line: string, nowMs: number): (Cookie & { readonly name: string }) | null {
  const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
  const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)=([\x21-\x7e]*)$/.exec(pair);
  if (match === null) return null;
  const settings = new Map(
    attributes.map((text) => {
      const [key = '', ...value] = text.split('=');
      return [key.toLowerCase(), value.join('=')] as const;
    }),
  );
  const [, name = '', value = ''] = match;
  return { name, value, secure: settings.has('secure'), expiresAt: expiry(settings, nowMs) };
}

function expiry(settings: ReadonlyMap<string, string>, nowMs: number): number {
  const maxAge = settings.get('max-age');
  if (maxAge !== undefined && /^-?\d{1,10}$/.test(maxAge)) return nowMs + Number(maxAge) * 1000;
  const expires = Date.parse(settings.get('expires') ?? '');
  return Number.isNaN(expires) ? Number.POSITIVE_INFINITY : expires;
}
