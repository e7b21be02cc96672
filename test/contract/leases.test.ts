/** The sweep for calls whose owner is gone, with more of them than one step looks at. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { newCallSid } from '../../shared/kernel/ids.ts';
import { silentLogger } from '../../shared/kernel/log.ts';
import { Leases } from '../../shared/store/leases.ts';
import { connectRedisAt } from '../../shared/store/redis.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';

const BASE = '{pivot}:calls:';
const CALLS = 5000;

describe('the sweep', () => {
  let redis: TestRedis;
  before(async () => {
    redis = await startTestRedis();
  });
  after(() => redis.stop());

  it('hands over every call without a lease and none with one, in steps that leave Redis room for others', async () => {
    const client = connectRedisAt(redis.url, '{pivot}', 'subscriber', silentLogger);
    const sids = Array.from({ length: CALLS }, () => newCallSid());
    const held = sids.filter((_sid, index) => index % 5 === 0);
    await client.rpush(`${BASE}active`, ...sids);
    await Promise.all(held.map((sid) => client.set(`${BASE}${sid}:lock`, 'somebody', 'PX', 60_000)));
    const leases = new Leases(client, BASE, {});
    const waiting: number[] = [];
    for (let step = 0; step < 3; step += 1) {
      await leases.sweep();
      waiting.push(await client.llen(`${BASE}wait`));
    }
    assert.deepEqual(waiting, [1600, 3200, 4000]);
    assert.deepEqual(await client.lrange(`${BASE}active`, 0, -1), held);
    await leases.sweep();
    assert.equal(await client.llen(`${BASE}wait`), 4000, 'the next round comes later');
    client.disconnect();
  });
});
