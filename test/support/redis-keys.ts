/** The keys that match a pattern, wherever they lie: on the one server, or on every primary of a Cluster. */
import { Cluster } from 'ioredis';
import type { RedisClient } from '../../shared/store/redis.ts';

export async function keysOf(client: RedisClient, pattern: string): Promise<readonly string[]> {
  const servers = client instanceof Cluster ? client.nodes('master') : [client];
  const keys: string[] = [];
  for (const server of servers) {
    let cursor = '0';
    do {
      const [next, found] = await server.scan(cursor, 'MATCH', pattern, 'COUNT', 1000);
      keys.push(...found);
      cursor = next;
    } while (cursor !== '0');
  }
  return keys;
}
