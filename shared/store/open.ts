/** Opens the store: one connection for commands, and one more as soon as somebody follows a timeline. */
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/log.ts';
import { Calls } from './calls.ts';
import { Dialogs } from './dialogs.ts';
import { Generation } from './generation.ts';
import { Boxes } from './mailbox.ts';
import { Numbers } from './numbers.ts';
import { OwedCallbacks } from './outbox.ts';
import { PresentOnes } from './presence.ts';
import { connectRedis, connectRedisAt, pingRedis, untilReady } from './redis.ts';
import type { StoreScope, StoreSettings } from './scope.ts';
import type { Store } from './store.ts';
import { Streams } from './streams.ts';
import { Timeline } from './timeline.ts';

const START_TIMEOUT_MS = 10_000;
const PRESENCE_MS = 6000;
const GATEWAY_PRESENCE_MS = 4000;
/** What is published on one node of a Cluster is heard on all: any will do, and this one is found again. */
const CHANNELS = 'pivot:channels';
const IDEMPOTENCY_MS = 86_400_000;

/**
 * @param redisUrl see redis.ts: `redis://`, `rediss://`, `unix:///path` or an absolute path.
 * @throws RedisUnavailable when Redis does not answer within ten seconds.
 */
export async function openStore(redisUrl: string, settings: StoreSettings, clock: Clock, log: Logger): Promise<Store> {
  const client = connectRedis(redisUrl, 'commands', log);
  const complete = {
    presenceMs: PRESENCE_MS,
    gatewayPresenceMs: GATEWAY_PRESENCE_MS,
    idempotencyMs: IDEMPOTENCY_MS,
    ...settings,
  };
  const scope: StoreScope = { client, settings: complete, clock, log };
  const generation = new Generation(scope);
  try {
    await untilReady(client, clock, START_TIMEOUT_MS);
    await generation.learn();
  } catch (error) {
    client.disconnect();
    throw error;
  }
  const calls = new Calls(scope, generation);
  const timeline = new Timeline(scope, () => connectRedisAt(redisUrl, CHANNELS, 'subscriber', log));
  return {
    calls,
    timeline,
    streams: new Streams(scope, calls),
    mailbox: new Boxes(scope, calls),
    outbox: new OwedCallbacks(scope),
    dialogs: new Dialogs(scope),
    numbers: new Numbers(scope),
    presence: new PresentOnes(scope),
    async ping() {
      const start = clock.monotonic();
      await pingRedis(client);
      return clock.monotonic() - start;
    },
    async close() {
      timeline.close();
      client.disconnect();
    },
  };
}
