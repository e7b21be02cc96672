/**
 * The connections to Redis, and the only importer of ioredis. A command never waits for a Redis that
 * is away: it fails at once, or after two seconds when Redis is there and silent, with
 * `RedisUnavailable`; the connection itself is tried again for ever with growing pauses.
 * Whoever opens a connection closes it.
 *
 * Addresses: `redis://`, `rediss://` (TLS), and for a socket file `unix:///path/to/socket` or the bare
 * absolute path, both optionally with `?db=n`. One server: Sentinel and Cluster are refused in words.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Redis, type RedisOptions } from 'ioredis';
import type { Clock } from '../kernel/clock.ts';
import { DeadlineExceeded, withDeadline } from '../kernel/deadline.ts';
import { ExpectedFailure } from '../kernel/expected-failure.ts';
import type { Logger } from '../kernel/log.ts';

/** An expected failure: Redis is away or silent. Whether a write was done is unknown. */
export class RedisUnavailable extends ExpectedFailure {
  override readonly name = 'RedisUnavailable';
  constructor(cause: unknown) {
    super('Redis cannot be reached', { cause });
  }
}

/** `REDIS_URL` is none of the shapes above. The address itself is not told: it may hold a password. */
export class RedisAddressError extends ExpectedFailure {
  override readonly name = 'RedisAddressError';
  constructor(why: string) {
    super(`REDIS_URL: ${why}; it takes redis://host:port, rediss://host:port, unix:///path or /path`);
  }
}

export type RedisClient = Redis;

/**
 * How a connection treats a Redis that is away: `commands` fail fast; `blocking` (BullMQ's workers)
 * and `subscriber` wait for it, as nobody waits for them.
 */
export type ConnectionUse = 'commands' | 'blocking' | 'subscriber';

const COMMAND_TIMEOUT_MS = 2000;
const CONNECT_TIMEOUT_MS = 5000;
const MAX_RETRY_PAUSE_MS = 2000;

/** Pause before attempt `times`: 50 ms doubling up to 2 s, with a quarter of jitter. */
export function retryPauseMs(times: number, random = Math.random()): number {
  const pause = Math.min(MAX_RETRY_PAUSE_MS, 50 * 2 ** Math.min(times, 10));
  return Math.round(pause * (0.75 + 0.5 * random));
}

/** Opens a connection that is already on its way; it does not reject when Redis is away. */
export function connectRedis(url: string, use: ConnectionUse, log: Logger): RedisClient {
  const options: RedisOptions = { ...addressOptions(url), ...useOptions(use) };
  const client: RedisClient = new Redis({ ...options, replyMapping: 'legacy' });
  let down = false;
  client.on('error', (error: unknown) => {
    if (!down) log.warn({ err: error, use }, 'redis connection failed');
    down = true;
  });
  client.on('ready', () => {
    if (down) log.info({ use }, 'redis connection is back');
    down = false;
  });
  return client;
}

function useOptions(use: ConnectionUse): RedisOptions {
  const shared: RedisOptions = {
    retryStrategy: retryPauseMs,
    connectTimeout: CONNECT_TIMEOUT_MS,
    // After a failover the old primary answers READONLY: find the new one.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  };
  if (use !== 'commands') return { ...shared, maxRetriesPerRequest: null };
  return {
    ...shared,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: COMMAND_TIMEOUT_MS,
  };
}

/** @throws RedisAddressError */
function readAddress(text: string): URL {
  const scheme = /^[a-z][a-z0-9+.-]*(?=:)/i.exec(text)?.[0].toLowerCase() ?? '';
  if (/sentinel|cluster/.test(scheme))
    throw new RedisAddressError('addresses of Sentinel or Cluster are not understood');
  const authority = /^rediss?:\/\/(?:[^/@]*@)?([^/?]*)/i.exec(text)?.[1] ?? '';
  if (authority.includes(',')) throw new RedisAddressError('several servers (Sentinel, Cluster) are not understood');
  const address = text.startsWith('/') ? `unix://${text}` : text;
  if (!URL.canParse(address)) throw new RedisAddressError('this is not an address');
  const url = new URL(address);
  if (['redis:', 'rediss:', 'unix:'].includes(url.protocol)) return url;
  throw new RedisAddressError('this is not an address of Redis');
}

/** @throws RedisAddressError when the address is none of the shapes above. */
export function addressOptions(url: string): RedisOptions {
  const address = readAddress(url);
  const db = Number.parseInt(address.searchParams.get('db') ?? '', 10);
  const credentials: RedisOptions = {
    ...(address.username === '' ? {} : { username: decodeURIComponent(address.username) }),
    ...(address.password === '' ? {} : { password: decodeURIComponent(address.password) }),
  };
  if (address.protocol === 'unix:') {
    return { ...credentials, path: decodeURIComponent(address.pathname), ...(Number.isNaN(db) ? {} : { db }) };
  }
  const number = Number.parseInt(address.pathname.slice(1), 10);
  return {
    ...credentials,
    host: address.hostname.replace(/^\[|\]$/g, '') || '127.0.0.1',
    port: address.port === '' ? 6379 : Number(address.port),
    db: Number.isNaN(number) ? (Number.isNaN(db) ? 0 : db) : number,
    ...(address.protocol === 'rediss:' ? { tls: {} } : {}),
  };
}

/** Resolves when the connection is ready. @throws RedisUnavailable after `withinMs`. */
export async function untilReady(client: RedisClient, clock: Clock, withinMs: number): Promise<void> {
  if (client.status === 'ready') return;
  const ready = new Promise<void>((resolve) => client.once('ready', () => resolve()));
  try {
    await withDeadline(clock, withinMs, 'connecting to Redis', ready);
  } catch (error) {
    if (error instanceof DeadlineExceeded) throw new RedisUnavailable(error);
    throw error;
  }
}

/** Runs commands and tells an absent Redis from a wrong command: the second is a bug and passes. */
export async function attempt<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof RedisUnavailable || !isAway(error)) throw error;
    throw new RedisUnavailable(error);
  }
}

const awayReplies = /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY|NOREPLICAS)\b/;

function isAway(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof TypeError || error instanceof RangeError) return false;
  return error.name !== 'ReplyError' || awayReplies.test(error.message);
}

/** One step in Lua. The text is sent once per server; after that only its hash. */
export class Script {
  readonly #text: string;
  readonly #sha: string;

  /** @param files below `scripts/`, joined in this order: the shared parts first. */
  constructor(...files: readonly string[]) {
    this.#text = files
      .map((file) => readFileSync(new URL(`./scripts/${file}.lua`, import.meta.url), 'utf8'))
      .join('\n');
    this.#sha = createHash('sha1').update(this.#text).digest('hex');
  }

  /** @throws RedisUnavailable; any other error is a bug in the step. */
  run(client: RedisClient, keys: readonly string[], values: readonly (string | number)[]): Promise<unknown> {
    return attempt(this.#run(client, keys, values));
  }

  async #run(client: RedisClient, keys: readonly string[], values: readonly (string | number)[]): Promise<unknown> {
    try {
      return await client.evalsha(this.#sha, keys.length, ...keys, ...values);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return await client.eval(this.#text, keys.length, ...keys, ...values);
    }
  }
}
