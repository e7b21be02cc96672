/** A plain connection to one node of a Cluster comes back after all of them were away for longer than a few attempts. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '../../shared/kernel/clock.ts';
import { pause } from '../../shared/kernel/deadline.ts';
import { silentLogger } from '../../shared/kernel/log.ts';
import { connectRedisAt, untilReady } from '../../shared/store/redis.ts';
import { startTestCluster } from '../support/redis-cluster.ts';

describe('a connection to the node of a slot', () => {
  it('is tried again for ever while no node answers', async () => {
    const cluster = await startTestCluster();
    const uses = ['commands', 'blocking'] as const;
    const clients = uses.map((use) => connectRedisAt(cluster.url, '{pivot}', use, silentLogger));
    for (const client of clients) await untilReady(client, systemClock, 10_000);
    await cluster.down();
    // Several attempts fail meanwhile.
    await pause(systemClock, 1500);
    await cluster.up();
    for (const client of clients) {
      await untilReady(client, systemClock, 10_000);
      assert.equal(await client.set('{pivot}:test', '1'), 'OK');
      client.disconnect();
    }
    await cluster.stop();
  });
});
