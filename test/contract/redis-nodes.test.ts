/** A connection to a Cluster finds the replica that took over, though it sends no command for the slots that were lost. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '../../shared/kernel/clock.ts';
import { silentLogger } from '../../shared/kernel/log.ts';
import { connectRedis, pingRedis, RedisUnavailable, untilReady } from '../../shared/store/redis.ts';
import { startTestCluster } from '../support/redis-cluster.ts';

describe('a connection that fails fast', () => {
  it('is ready again by itself when a primary is killed and its replica takes over', async () => {
    const cluster = await startTestCluster({ replicas: true });
    const client = connectRedis(cluster.url, 'commands', silentLogger);
    try {
      await untilReady(client, systemClock, 10_000);
      const gone = new Promise((resolve) => client.once('-node', resolve));
      const over = cluster.failOver('{pivot}');
      await gone;
      await assert.rejects(pingRedis(client), RedisUnavailable);
      await over;
      await untilReady(client, systemClock, 5000);
      await pingRedis(client);
      assert.equal(await client.set('{pivot}:test', '1'), 'OK');
    } finally {
      client.disconnect();
      await cluster.stop();
    }
  });
});
