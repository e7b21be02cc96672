/** A Redis whose certificate nobody here vouches for is refused, and whoever starts a service or asks the doctor is told why. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '../../shared/kernel/clock.ts';
import { silentLogger } from '../../shared/kernel/log.ts';
import { connectRedis, RedisUnavailable, untilReady } from '../../shared/store/redis.ts';
import { checkRedis } from '../../worker/doctor/checks/redis.ts';
import { startTestTlsRedis, type TestTlsRedis } from '../support/redis-tls.ts';

const told = /certificate.*NODE_EXTRA_CA_CERTS/;
const WITHIN_MS = 400;

describe('a certificate nobody vouches for', () => {
  let redis: TestTlsRedis;
  before(async () => {
    redis = await startTestTlsRedis();
  });
  after(() => redis.stop());

  for (const [name, scheme, path] of [
    ['one server', 'rediss', ''],
    ['Sentinels', 'rediss+sentinel', '/pivot'],
    ['a Cluster', 'rediss+cluster', ''],
  ] as const) {
    it(`is refused of ${name}`, async () => {
      const client = connectRedis(`${scheme}://127.0.0.1:${redis.port}${path}`, 'commands', silentLogger);
      try {
        await assert.rejects(
          untilReady(client, systemClock, WITHIN_MS),
          (error) => error instanceof RedisUnavailable && told.test(error.message),
        );
      } finally {
        client.disconnect();
      }
    });
  }

  it('is told by the doctor', async () => {
    const [finding] = await checkRedis(redis.url, systemClock);
    assert.equal(finding?.level, 'fault');
    assert.match(finding?.found ?? '', told);
  });
});
