/** The servers of a Redis, and the keys that match a pattern, wherever they lie: on the one, or on every primary of a Cluster. */
import { Cluster, type Redis } from 'ioredis';
import { systemClock } from '../../shared/kernel/clock.ts';
import { type RedisClient, untilReady } from '../../shared/store/redis.ts';

const READY_MS = 10_000;

export const serversOf = (client: RedisClient): readonly Redis[] =>
  client instanceof Cluster ? client.nodes('master') : [client];

export async function keysOf(client: RedisClient, pattern: string): Promise<readonly string[]> {
  // Before that a Cluster has no nodes, and nothing would be found.
  await untilReady(client, systemClock, READY_MS);
  const keys: string[] = [];
  for (const server of serversOf(client)) {
    let cursor = '0';
    do {
      const [next, found] = await server.scan(cursor, 'MATCH', pattern, 'COUNT', 1000);
      keys.push(...found);
      cursor = next;
    } while (cursor !== '0');
  }
  return keys;
}
