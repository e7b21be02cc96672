/**
 * The fetcher over undici: PROTOCOL §7.2–§7.4, AC-67…AC-70. Every hop goes through the destination
 * guard, redirects are followed by hand, bodies are counted while they come in, all of it under one
 * deadline. Opened by the worker, which gives each call a session with cookies of its own.
 */
import { Agent, request } from 'undici';
import type { KeptCookie } from '../../shared/domain/call.ts';
import type { Clock } from '../../shared/kernel/clock.ts';
import { DeadlineExceeded } from '../../shared/kernel/deadline.ts';
import type { DestinationGuard } from '../../shared/net/destination.ts';
import { signatureHeaders } from '../../shared/net/signature.ts';
import { CookieJar } from './cookie-jar.ts';
import { fetchCodes, RequestFailed, requestFailure, wasNeverSent } from './failure.ts';
import type { Fetched, Fetcher, FetchFailed, FetchOrder } from './fetcher.ts';

const MAX_REDIRECTS = 10;
/** One attempt to connect; tried twice (PROTOCOL §7.2). */
const CONNECT_MS = 5000;
const USER_AGENT = 'pivot-streams/1.0';

export interface HttpFetcherOptions {
  readonly guard: DestinationGuard;
  readonly authToken: string;
  readonly clock: Clock;
}

/** One hop: what is sent where. */
interface Hop {
  readonly url: URL;
  readonly method: 'GET' | 'POST';
  readonly fields: Readonly<Record<string, string>>;
  readonly authorization: string | null;
  readonly traceparent: string | null;
}

interface Answer {
  readonly httpStatus: number;
  readonly contentType: string | null;
  readonly location: string | null;
  readonly cookies: readonly string[];
  /** Empty for redirects and refusals. */
  readonly body: Buffer;
}

export class HttpFetcher {
  readonly #options: HttpFetcherOptions;
  readonly #agent: Agent;

  constructor(options: HttpFetcherOptions) {
    this.#options = options;
    this.#agent = new Agent({
      connect: { lookup: options.guard.lookup, timeout: CONNECT_MS },
      connections: 64,
      keepAliveTimeout: 4000,
      maxHeaderSize: 32_768,
    });
  }

  /** A fetcher that keeps the cookies of one call (or of none, for callbacks after it); `kept`: what its owner before us had. */
  session(kept: readonly KeptCookie[] = []): Fetcher {
    const { clock } = this.#options;
    const jar = new CookieJar(kept, clock.now());
    return { fetch: (order) => this.#fetch(order, jar), cookies: () => jar.kept(clock.now()) };
  }

  /** Drops all connections. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #fetch(order: FetchOrder, jar: CookieJar): Promise<Fetched | FetchFailed> {
    const { clock } = this.#options;
    const began = clock.monotonic();
    const ms = (): number => Math.round(clock.monotonic() - began);
    const late = new AbortController();
    const timer = clock.after(order.timeoutMs, () => late.abort(new DeadlineExceeded('http request', order.timeoutMs)));
    try {
      order.signal.throwIfAborted();
      const { url, answer } = await this.#follow(order, jar, AbortSignal.any([order.signal, late.signal]));
      const { httpStatus, contentType, body } = answer;
      return { kind: 'fetched', httpStatus, contentType, body, finalUrl: url.href, ms: ms() };
    } catch (error) {
      if (order.signal.aborted) throw order.signal.reason;
      const { code, httpStatus, contentType, message } = requestFailure(
        late.signal.aborted ? late.signal.reason : error,
      );
      return { kind: 'failed', code, httpStatus, contentType, detail: message, ms: ms() };
    } finally {
      timer.cancel();
    }
  }

  async #follow(order: FetchOrder, jar: CookieJar, signal: AbortSignal): Promise<{ url: URL; answer: Answer }> {
    let hop = firstHop(order);
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
      const answer = await this.#send(hop, order.maxBytes, jar, signal);
      const { httpStatus, contentType, location } = answer;
      jar.take(hop.url, answer.cookies, this.#options.clock.now());
      if (httpStatus >= 200 && httpStatus < 300) return { url: hop.url, answer };
      if (!isRedirect(httpStatus) || location === null) {
        throw new RequestFailed(fetchCodes.status, `the server answered ${httpStatus}`, { httpStatus, contentType });
      }
      hop = nextHop(hop, httpStatus, location);
    }
    throw new RequestFailed(fetchCodes.redirects, `more than ${MAX_REDIRECTS} redirects`);
  }

  async #send(hop: Hop, maxBytes: number, jar: CookieJar, signal: AbortSignal): Promise<Answer> {
    this.#options.guard.check(hop.url);
    try {
      return await this.#sendOnce(hop, maxBytes, jar, signal);
    } catch (error) {
      if (signal.aborted || !wasNeverSent(error)) throw error;
      return await this.#sendOnce(hop, maxBytes, jar, signal);
    }
  }

  async #sendOnce(hop: Hop, maxBytes: number, jar: CookieJar, signal: AbortSignal): Promise<Answer> {
    const payload = hop.method === 'POST' ? new URLSearchParams(hop.fields).toString() : null;
    const response = await request(hop.url, {
      dispatcher: this.#agent,
      method: hop.method,
      headers: this.#headers(hop, payload, jar),
      body: payload,
      signal,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    const { statusCode: httpStatus, headers, body } = response;
    const contentType = single(headers['content-type'])?.split(';')[0]?.trim().toLowerCase() || null;
    // A body that is dropped early destroys its socket, which undici reports as an error of the body.
    body.on('error', () => {});
    const wanted = httpStatus >= 200 && httpStatus < 300;
    if (!wanted) body.destroy();
    return {
      httpStatus,
      contentType,
      location: single(headers['location']),
      cookies: several(headers['set-cookie']),
      body: wanted ? await bounded(body, maxBytes, { httpStatus, contentType }) : Buffer.alloc(0),
    };
  }

  #headers(hop: Hop, payload: string | null, jar: CookieJar): Record<string, string> {
    const now = this.#options.clock.now();
    const cookie = jar.header(hop.url, now);
    return {
      'user-agent': USER_AGENT,
      accept: '*/*',
      ...(payload === null ? {} : { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' }),
      ...(hop.authorization === null ? {} : { authorization: hop.authorization }),
      ...(cookie === null ? {} : { cookie }),
      ...(hop.traceparent === null ? {} : { traceparent: hop.traceparent }),
      ...signatureHeaders(
        this.#options.authToken,
        { url: hop.url.href, body: payload ?? '', ...(payload === null ? {} : { fields: hop.fields }) },
        now,
      ),
    };
  }
}

/** Fields of a GET are added to the query; the fragment is never sent. */
function firstHop(order: FetchOrder): Hop {
  const { url, authorization } = address(order.url, null);
  const shared = { url, authorization, traceparent: order.traceparent ?? null };
  if (order.method === 'POST') return { ...shared, method: 'POST', fields: order.fields };
  const query = new URLSearchParams(order.fields).toString();
  if (query !== '') url.search = url.search === '' ? query : `${url.search}&${query}`;
  return { ...shared, method: 'GET', fields: {} };
}

/** 303 always and 301, 302 after a POST go on with GET (RFC 9110 §15.4); 307 and 308 repeat the request. */
function nextHop(hop: Hop, httpStatus: number, location: string): Hop {
  const next = address(location, hop.url);
  const authorization = next.authorization ?? (next.url.origin === hop.url.origin ? hop.authorization : null);
  const keeps = httpStatus === 307 || httpStatus === 308;
  const again: Hop = { ...hop, url: next.url, authorization };
  return keeps ? again : { ...again, method: 'GET', fields: {} };
}

/** An http or https URL without fragment; its credentials become a header. */
function address(text: string, base: URL | null): { readonly url: URL; readonly authorization: string | null } {
  let url: URL;
  try {
    url = base === null ? new URL(text) : new URL(text, base);
  } catch {
    throw new RequestFailed(fetchCodes.badUrl, 'invalid URL');
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new RequestFailed(fetchCodes.badUrl, `the scheme ${url.protocol} is not http or https`);
  }
  const credentials = `${decode(url.username)}:${decode(url.password)}`;
  const authorization = credentials === ':' ? null : `Basic ${Buffer.from(credentials).toString('base64')}`;
  url.username = '';
  url.password = '';
  url.hash = '';
  return { url, authorization };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const isRedirect = (status: number): boolean => [301, 302, 303, 307, 308].includes(status);

async function bounded(
  body: AsyncIterable<Buffer>,
  maxBytes: number,
  answer: { readonly httpStatus: number; readonly contentType: string | null },
): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.length;
    if (bytes > maxBytes) {
      throw new RequestFailed(fetchCodes.tooLarge, `the answer is larger than ${maxBytes} bytes`, answer);
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces, bytes);
}

const single = (header: string | string[] | undefined): string | null =>
  (Array.isArray(header) ? header[0] : header) ?? null;

const several = (header: string | string[] | undefined): readonly string[] =>
  header === undefined ? [] : Array.isArray(header) ? header : [header];
