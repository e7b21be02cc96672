/**
 * The connections to Redis, and with the `redis-` files beside it the only importer of ioredis. A command never waits for
 * a Redis that is away: it fails at once, or after two seconds when Redis is there and silent, with
 * `RedisUnavailable`; the connection itself is tried again for ever with growing pauses. Whoever opens a
 * connection closes it. Addresses: redis-address.ts.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis';
import type { Clock } from '../kernel/clock.ts';
import { DeadlineExceeded, pause, withDeadline } from '../kernel/deadline.ts';
import { ExpectedFailure } from '../kernel/expected-failure.ts';
import type { Logger } from '../kernel/log.ts';
import { type RedisAddress, readRedisAddress } from './redis-address.ts';
import { areNodesReady, keepNodes } from './redis-nodes.ts';
import { failureOfFirst } from './redis-probe.ts';
import { reasonOf } from './redis-reason.ts';
import { atSlotOf } from './redis-slot.ts';

/** An expected failure: Redis is away or silent, or takes no writes for now. Whether a write was done is unknown. */
export class RedisUnavailable extends ExpectedFailure {
  override readonly name = 'RedisUnavailable';
  /** Why, in words, where that is known. */
  readonly reason: string;
  constructor(cause: unknown, reason = '') {
    super(`Redis cannot be reached${reason === '' ? '' : `: ${reason}`}`, { cause });
    this.reason = reason;
  }
}

/** One server, found directly or by Sentinels, or the Cluster: it sends each command to the node of its keys. */
export type RedisClient = Redis | Cluster;

/**
 * How a connection treats a Redis that is away: `commands` fail fast; `blocking` (BullMQ's workers)
 * and `subscriber` wait for it, as nobody waits for them.
 */
export type ConnectionUse = 'commands' | 'blocking' | 'subscriber';

const COMMAND_TIMEOUT_MS = 2000;
const CONNECT_TIMEOUT_MS = 5000;
const MAX_RETRY_PAUSE_MS = 2000;
const KEEP_ALIVE_MS = 10_000;
/** A server that left a command so long without an answer is dead: its host is gone without a word. */
const DEAD_AFTER_MS = { commands: 5000, blocking: 20_000 } as const;
/** Whether the nodes of a Cluster are all connected is looked at this often. */
const LOOK_MS = 10;

/** Pause before attempt `times`: 50 ms doubling up to 2 s, with a quarter of jitter. */
export function retryPauseMs(times: number, random = Math.random()): number {
  const pauseMs = Math.min(MAX_RETRY_PAUSE_MS, 50 * 2 ** Math.min(times, 10));
  return Math.round(pauseMs * (0.75 + 0.5 * random));
}

/**
 * Opens a connection that is already on its way; it does not reject when Redis is away.
 *
 * @throws RedisAddressError
 */
export function connectRedis(url: string, use: ConnectionUse, log: Logger): RedisClient {
  const address = readRedisAddress(url);
  const client = address.kind === 'cluster' ? openCluster(address, use) : openServer(address, use);
  addresses.set(client, address);
  return watched(client, use, log);
}

/** So that whoever waits in vain for one can be told why. */
const addresses = new WeakMap<RedisClient, RedisAddress>();

/**
 * The same for keys that all lie on the slot of this one: even of a Cluster it is a connection to one server.
 *
 * @throws RedisAddressError
 */
export function connectRedisAt(url: string, key: string, use: ConnectionUse, log: Logger): Redis {
  const address = readRedisAddress(url);
  if (address.kind !== 'cluster') return watched(openServer(address, use), use, log);
  const tls = address.tls ? { tls: {} } : {};
  const options = { ...connectionOptions(address, use), ...oneServerOptions(use), ...tls };
  return watched(new Redis(atSlotOf(key, address.servers, options)), use, log);
}

const openServer = (address: OneServer, use: ConnectionUse): Redis => new Redis(serverOptions(address, use));

function watched<Client extends RedisClient>(client: Client, use: ConnectionUse, log: Logger): Client {
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

type OneServer = Exclude<RedisAddress, { readonly kind: 'cluster' }>;
type ManyServers = Extract<RedisAddress, { readonly kind: 'cluster' }>;

/** What ioredis needs to know of one server or of the Sentinels that know it. */
export function serverOptions(address: OneServer, use: ConnectionUse): RedisOptions & { replyMapping: 'legacy' } {
  const shared = {
    ...connectionOptions(address, use),
    ...oneServerOptions(use),
    db: address.db,
  };
  switch (address.kind) {
    case 'socket':
      return { ...shared, path: address.path };
    case 'server':
      return { ...shared, ...address.server, ...(address.tls ? { tls: {} } : {}) };
    case 'sentinel':
      return {
        ...shared,
        sentinels: [...address.servers],
        name: address.master,
        ...(address.sentinel.username === undefined ? {} : { sentinelUsername: address.sentinel.username }),
        ...(address.sentinel.password === undefined ? {} : { sentinelPassword: address.sentinel.password }),
        sentinelRetryStrategy: retryPauseMs,
        ...(address.tls ? { tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true } : {}),
      };
  }
}

const oneServerOptions = (use: ConnectionUse) => ({
  retryStrategy: retryPauseMs,
  // After a failover the old primary answers READONLY, or MOVED in a Cluster: find the new one.
  reconnectOnError: (error: Error) => /^(READONLY|MOVED) /.test(error.message),
  ...(use === 'commands' ? { enableOfflineQueue: false, autoResendUnfulfilledCommands: false } : {}),
});

function openCluster(address: ManyServers, use: ConnectionUse): Cluster {
  const failsFast = use === 'commands';
  const options = {
    clusterRetryStrategy: (times: number) => retryPauseMs(times),
    redisOptions: { ...connectionOptions(address, use), ...(address.tls ? { tls: {} } : {}) },
    enableOfflineQueue: !failsFast,
    // A command that may have been done is never sent again behind our back: whoever sent it decides.
    ...(failsFast ? { retryDelayOnFailover: 0, retryDelayOnClusterDown: 0 } : {}),
    // Names stay names, so that certificates can be checked against them.
    ...(address.tls ? { dnsLookup: asItIs } : {}),
  } satisfies ClusterOptions;
  const cluster = new Cluster([...address.servers], options);
  if (failsFast) keepNodes(cluster);
  return cluster;
}

const asItIs: NonNullable<ClusterOptions['dnsLookup']> = (name, answer) => answer(null, name);

function connectionOptions({ username, password }: RedisAddress, use: ConnectionUse) {
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    replyMapping: 'legacy',
    connectTimeout: CONNECT_TIMEOUT_MS,
    keepAlive: KEEP_ALIVE_MS,
    ...(use === 'subscriber' ? {} : { socketTimeout: DEAD_AFTER_MS[use] }),
    ...(use === 'commands'
      ? { maxRetriesPerRequest: 0, commandTimeout: COMMAND_TIMEOUT_MS }
      : { maxRetriesPerRequest: null }),
  } as const;
}

/** Resolves when the connection is ready. @throws RedisUnavailable after `withinMs`, with what failed last. */
export async function untilReady(client: RedisClient, clock: Clock, withinMs: number): Promise<void> {
  if (isReady(client)) return;
  const stop = new AbortController();
  let failure: unknown = null;
  const note = (error: unknown): void => {
    failure = error;
  };
  client.on('error', note);
  try {
    await withDeadline(clock, withinMs, 'connecting to Redis', becomesReady(client, clock, stop.signal));
  } catch (error) {
    if (!(error instanceof DeadlineExceeded)) throw error;
    const address = addresses.get(client);
    const hidden = address ? await failureOfFirst(address) : null;
    throw new RedisUnavailable(hidden ?? failure ?? error, reasonOf(hidden ?? failure));
  } finally {
    client.off('error', note);
    stop.abort();
  }
}

function isReady(client: RedisClient): boolean {
  if (client.status !== 'ready') return false;
  // Where commands may wait, a node connects when the first is for it.
  return !(client instanceof Cluster) || client.options.enableOfflineQueue || areNodesReady(client);
}

/** Whether Redis answers: in a Cluster every node, as any may have the next key. @throws RedisUnavailable */
export async function pingRedis(client: RedisClient): Promise<void> {
  if (!isReady(client)) throw new RedisUnavailable(new Error(`connection is ${client.status}`));
  const servers = client instanceof Cluster ? client.nodes('master') : [client];
  await attempt(Promise.all(servers.map((server) => server.ping())));
}

async function becomesReady(client: RedisClient, clock: Clock, signal: AbortSignal): Promise<void> {
  if (client.status !== 'ready') await new Promise<void>((resolve) => client.once('ready', () => resolve()));
  while (!isReady(client) && !signal.aborted) await pause(clock, LOOK_MS);
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

/** A command as a library words it. A script is loaded on every node, as its keys may lie on any. */
export async function sendRaw(client: RedisClient, [name = '', ...values]: readonly string[]): Promise<unknown> {
  if (!(client instanceof Cluster) || name.toUpperCase() !== 'SCRIPT') return await client.call(name, ...values);
  const replies = await Promise.all(client.nodes('master').map((node) => node.call(name, ...values)));
  return replies[0];
}

/** No memory, no disk, no replicas: all of it passes. Before Redis 7 a script's error had the reply's at its end. */
const awayReplies =
  /^(ERR Error running script .*: -)?(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|MOVED|ASK|TRYAGAIN|UNBLOCKED|BUSY|NOREPLICAS|OOM|MISCONF)\b/;

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
