/**
 * Whether a system that has no call any more holds nothing of one: sockets, file descriptors, keys.
 * Looked at again and again up to a deadline, because the last words of a call take their time.
 */
import { systemClock } from '../../shared/kernel/clock.ts';
import { pause } from '../../shared/kernel/deadline.ts';
import { silentLogger } from '../../shared/kernel/log.ts';
import type { Stack } from '../../shared/launch/stack.ts';
import { indexKeys } from '../../shared/store/keys.ts';
import { connectRedis, type RedisClient, untilReady } from '../../shared/store/redis.ts';
import { readRedisAddress } from '../../shared/store/redis-address.ts';
import { type Footprint, footprintOf } from './footprint.ts';
import { keysOf } from './redis-keys.ts';

/** A pooled connection to an application is kept for four seconds. */
export const LEAK_DEADLINE_MS = 10_000;
const REDIS_DEADLINE_MS = 5000;
const STEP_MS = 50;
/** Threads a service may start once and keep: the pool of libuv, and the one that speaks. */
const KEPT_THREADS = 6;
/** What a service may open once and keep: lazy Redis connections, the thread that speaks (its loop and pipes: about a dozen), files of the runtime. */
const KEPT = 20;

/** How a test looks at Redis, where it is not as the services do. */
export interface RedisLook {
  /** An address that needs no certificate. */
  readonly url?: string;
  /** Where services may be connected to, when `REDIS_URL` does not name it all. */
  readonly ports?: readonly number[];
}

export type Baseline = ReadonlyMap<string, Footprint>;

/** What each service holds before the first call. */
export function baselineOf(stack: Stack): Baseline {
  const found = new Map<string, Footprint>();
  for (const [name, { pid }] of stack.children) {
    const footprint = footprintOf(pid);
    if (footprint !== null) found.set(name, footprint);
  }
  return found;
}

/** What is left of calls when `withinMs` are over, one sentence each; none is how it should be. */
export async function leaksOf(
  stack: Stack,
  baseline: Baseline,
  withinMs: number,
  { url = stack.redisUrl, ports = redisPortsOf(stack.redisUrl) }: RedisLook = {},
): Promise<readonly string[]> {
  const client = connectRedis(url, 'commands', silentLogger);
  const until = systemClock.monotonic() + withinMs;
  try {
    await untilReady(client, systemClock, REDIS_DEADLINE_MS);
    for (;;) {
      const leaks = [...(await keysLeft(client)), ...handlesLeft(stack, baseline, ports)];
      if (leaks.length === 0 || systemClock.monotonic() > until) return leaks;
      await pause(systemClock, STEP_MS);
    }
  } finally {
    client.disconnect();
  }
}

/** Ports of the servers that the address names; connections to them are kept. */
function redisPortsOf(url: string): readonly number[] {
  const address = readRedisAddress(url);
  switch (address.kind) {
    case 'socket':
      return [];
    case 'server':
      return [address.server.port];
    case 'sentinel':
    case 'cluster':
      return address.servers.map(({ port }) => port);
  }
}

function handlesLeft(stack: Stack, baseline: Baseline, redisPorts: readonly number[]): readonly string[] {
  return [...stack.children].flatMap(([name, { pid }]) => {
    const now = footprintOf(pid);
    if (now === null) return [];
    const leaks: string[] = [];
    const before = baseline.get(name);
    const isSame = before?.pid === pid;
    const isWorker = name.startsWith('worker');
    const expected = isWorker ? [] : isSame ? before.udp : now.udp;
    const sockets = now.udp.filter((port) => !expected.includes(port));
    if (sockets.length > 0) leaks.push(`${name} has UDP sockets left at ${sockets.join(', ')}`);
    const apps = now.tcp.filter(({ remote }) => !redisPorts.includes(remote));
    if (isWorker && apps.length > 0) {
      leaks.push(`${name} has connections left to ${apps.map(({ remote }) => remote).join(', ')}`);
    }
    if (isSame && now.others > before.others + KEPT) {
      leaks.push(`${name} has ${now.others} descriptors besides its connections; it began with ${before.others}`);
    }
    if (isSame && now.threads > before.threads + KEPT_THREADS) {
      leaks.push(`${name} has ${now.threads} threads; it began with ${before.threads}`);
    }
    return leaks;
  });
}

/** Calls that are not over, letters nobody reads, dialogs, jobs, and keys of calls that stay for ever. */
async function keysLeft(client: RedisClient): Promise<readonly string[]> {
  const leaks: string[] = [];
  const live = await client.zrange(indexKeys.live, '0', '-1');
  for (const sid of live) leaks.push(`the call ${sid} is not over`);
  for (const key of await keysOf(client, 'pivot:{CA*')) {
    if (/:(box|gateway-box|live)$/.test(key)) leaks.push(`${key} is not empty`);
    else if ((await client.pttl(key)) === -1) leaks.push(`${key} is kept for ever`);
  }
  for (const key of await keysOf(client, 'pivot:{gateway:*')) leaks.push(`${key} has a dialog`);
  for (const key of await keysOf(client, '*')) {
    if (![...kept, ...judged].some((shape) => shape.test(key))) leaks.push(`${key} is nobody's`);
  }
  for (const key of await keysOf(client, '{pivot}:calls:held:*')) leaks.push(`${key} has calls`);
  for (const list of ['active', 'wait', 'delayed', 'prioritized']) {
    for (const key of await keysOf(client, `{pivot}:*:${list}`)) leaks.push(`${key} has jobs`);
  }
  return leaks;
}

/** Every key a system without calls may have: what is retained of calls, what is configured, who is there, the queues. */
const kept: readonly RegExp[] = [
  /^pivot:\{CA[0-9a-f]{32}\}:(call|timeline|streams|order|outbox)$/,
  /^pivot:\{index\}:(all|live|queued)$/,
  /^pivot:\{numbers\}:(records|order)$/,
  /^pivot:\{presence\}:(owners|gateways)$/,
  /^pivot:\{generation\}$/,
  /^pivot:\{once:[0-9a-f]+\}$/,
  /^pivot:rate:/,
  /^\{pivot\}:(calls|callbacks|bell-[\w.-]+):(meta|events|marker|id|stalled-check)$/,
  /^\{pivot\}:calls:(owners|swept)$/,
];
/** Those that have a sentence of their own above. */
const judged: readonly RegExp[] = [
  /^pivot:\{CA[0-9a-f]{32}\}:(box|gateway-box|live)$/,
  /^pivot:\{gateway:/,
  /^\{pivot\}:.*:(active|wait|delayed|prioritized)$/,
  /^\{pivot\}:calls:held:/,
];
