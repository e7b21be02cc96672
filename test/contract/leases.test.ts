/** Owners whose lease ran out, with more calls than one step hands over. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { newCallSid, type OwnerId } from '../../shared/kernel/ids.ts';
import { silentLogger } from '../../shared/kernel/log.ts';
import { Leases } from '../../shared/store/leases.ts';
import { connectRedisAt } from '../../shared/store/redis.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';

const BASE = '{pivot}:calls:';

describe('the sweep', () => {
  let redis: TestRedis;
  before(async () => {
    redis = await startTestRedis();
  });
  after(() => redis.stop());

  it('hands over every call of owners whose lease ran out and none of others, in steps that leave Redis room', async () => {
    const client = connectRedisAt(redis.url, '{pivot}', 'subscriber', silentLogger);
    const leases = new Leases(client, BASE, {});
    const owners = ['dead-1', 'dead-2', 'alive'] as OwnerId[];
    for (const owner of owners) {
      await leases.renew(owner);
      const calls = Array.from({ length: 1500 }, (_none, at) => [String(at + 1), newCallSid()]).flat();
      await client.zadd(`${BASE}held:${owner}`, ...calls);
    }
    await client.zadd(`${BASE}owners`, '1', 'dead-1', '2', 'dead-2');
    const longest = await client.zrange(`${BASE}held:dead-1`, 0, '0');
    await client.config('RESETSTAT');
    await leases.sweep();
    assert.equal(await client.llen(`${BASE}wait`), 3000);
    assert.deepEqual(await client.zrange(`${BASE}owners`, 0, '-1'), ['alive']);
    assert.equal(await client.zcard(`${BASE}held:alive`), 1500);
    assert.deepEqual(await client.keys(`${BASE}held:dead*`), []);
    const stats = [...(await client.info('commandstats')).matchAll(/^cmdstat_eval(?:sha)?:calls=(\d+)/gm)];
    const steps = stats.reduce((sum, [, count]) => sum + Number(count), 0);
    assert.ok(steps >= 4, `${steps} steps of a thousand at most`);
    assert.deepEqual(await client.lrange(`${BASE}wait`, 999, 999), longest, 'of a step the longest held is the next');
    await client.zadd(`${BASE}owners`, '1', 'alive');
    await leases.sweep();
    assert.equal(await client.llen(`${BASE}wait`), 3000, 'the next round comes later');
    client.disconnect();
  });
});
