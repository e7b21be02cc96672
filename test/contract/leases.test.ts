/** Owners whose lease ran out: with more calls than one step hands over, and because Redis was away. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { newCallSid, type OwnerId } from '../../shared/kernel/ids.ts';
import { silentLogger } from '../../shared/kernel/log.ts';
import { LEASE_MS, Leases, RENEW_EVERY_MS } from '../../shared/store/leases.ts';
import { connectRedisAt } from '../../shared/store/redis.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';
import { keysOf } from '../support/redis-keys.ts';

const BASE = '{pivot}:calls:';

describe('the sweep', () => {
  let redis: TestRedis;
  let client: ReturnType<typeof connectRedisAt>;
  let leases: Leases;
  before(async () => {
    redis = await startTestRedis();
    client = connectRedisAt(redis.url, '{pivot}', 'subscriber', silentLogger);
    leases = new Leases(client, BASE, {});
  });
  afterEach(async () => void (await client.del(...(await keysOf(client, `${BASE}*`)))));
  after(async () => {
    client.disconnect();
    await redis.stop();
  });

  it('hands over every call of owners whose lease ran out and none of others, in steps that leave Redis room', async () => {
    const owners = ['dead-1', 'dead-2', 'alive'] as OwnerId[];
    for (const owner of owners) {
      await leases.renew(owner);
      const calls = Array.from({ length: 1500 }, (_none, at) => [String(at + 1), newCallSid()]).flat();
      await client.zadd(`${BASE}held:${owner}`, ...calls);
    }
    await client.zadd(`${BASE}owners`, '1', 'dead-1', '2', 'dead-2');
    const longest = await client.zrange(`${BASE}held:dead-1`, 0, '0');
    await client.config('RESETSTAT');
    await leases.sweep(0);
    assert.equal(await client.llen(`${BASE}wait`), 3000);
    assert.deepEqual(await client.zrange(`${BASE}owners`, 0, '-1'), ['alive']);
    assert.equal(await client.zcard(`${BASE}held:alive`), 1500);
    assert.deepEqual(await client.keys(`${BASE}held:dead*`), []);
    const stats = [...(await client.info('commandstats')).matchAll(/^cmdstat_eval(?:sha)?:calls=(\d+)/gm)];
    const steps = stats.reduce((sum, [, count]) => sum + Number(count), 0);
    assert.ok(steps >= 4, `${steps} steps of a thousand at most`);
    assert.deepEqual(await client.lrange(`${BASE}wait`, 999, 999), longest, 'of a step the longest held is the next');
    await client.zadd(`${BASE}owners`, '1', 'alive');
    await leases.sweep(0);
    assert.equal(await client.llen(`${BASE}wait`), 3000, 'the next round comes later');
  });

  const LONG_THERE = 60_000;
  const gaps: readonly (readonly [what: string, sinceLastMs: number, sweepingMs: number, isHandedOver: boolean])[] = [
    ['hands over after the usual pause', 850, LONG_THERE, true],
    [
      'leaves owners alone whom Redis kept waiting for what a lease has left',
      LEASE_MS - RENEW_EVERY_MS,
      LONG_THERE,
      false,
    ],
    ['hands over when nobody was there to ask, as whoever asks has just begun', LEASE_MS - 100, RENEW_EVERY_MS, true],
    ['leaves owners alone after longer, whoever asks', LEASE_MS + 100, RENEW_EVERY_MS, false],
  ];
  for (const [what, sinceLastMs, sweepingMs, isHandedOver] of gaps) {
    it(what, async () => {
      await client.zadd(`${BASE}owners`, '1', 'late');
      await client.zadd(`${BASE}held:late`, '1', newCallSid());
      await client.set(`${BASE}swept`, `${Date.now() - sinceLastMs} 0 0`);
      await leases.sweep(sweepingMs);
      assert.equal(await client.llen(`${BASE}wait`), isHandedOver ? 1 : 0);
    });
  }
});
