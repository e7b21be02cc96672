/** Addresses of Redis, and the pauses between attempts to reach it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  addressOptions,
  attempt,
  RedisAddressError,
  RedisUnavailable,
  retryPauseMs,
} from '../../../shared/store/redis.ts';

describe('an address of Redis', () => {
  const cases: readonly (readonly [string, object])[] = [
    ['redis://cache', { host: 'cache', port: 6379, db: 0 }],
    ['redis://:p%40ss@cache:7000/3', { host: 'cache', port: 7000, db: 3, password: 'p@ss' }],
    ['rediss://me:secret@cache', { host: 'cache', port: 6379, db: 0, username: 'me', password: 'secret', tls: {} }],
    ['redis://[::1]:6380', { host: '::1', port: 6380, db: 0 }],
    ['/run/redis/redis.sock', { path: '/run/redis/redis.sock' }],
    ['unix:///run/my%20redis.sock?db=2', { path: '/run/my redis.sock', db: 2 }],
  ];
  for (const [address, options] of cases) {
    it(`may be ${address}`, () => assert.deepEqual(addressOptions(address), options));
  }

  it('may be nothing else', () => {
    assert.throws(() => addressOptions('http://cache'), RedisAddressError);
    assert.throws(() => addressOptions('cache'), RedisAddressError);
  });

  it('of Sentinel or Cluster is refused in words that do not tell its password', () => {
    for (const address of [
      'redis+sentinel://:secret@one:26379/mymaster',
      'redis-sentinel://:secret@one:26379',
      'sentinel://:secret@one',
      'redis+cluster://:secret@one:7000',
      'redis://:secret@one:7000,two:7000',
      'rediss://:secret@one,two',
    ]) {
      assert.throws(
        () => addressOptions(address),
        ({ message }: Error) =>
          /REDIS_URL: .*Sentinel.*Cluster.*redis:\/\//.test(message.replace('or', '')) && !message.includes('secret'),
        address,
      );
    }
  });
});

describe('a Redis that is away', () => {
  it('is tried again after pauses that grow to two seconds, spread by a quarter', () => {
    assert.deepEqual(
      [1, 2, 3, 100].map((times) => retryPauseMs(times, 0.5)),
      [100, 200, 400, 2000],
    );
    assert.deepEqual([retryPauseMs(100, 0), retryPauseMs(100, 1)], [1500, 2500]);
  });

  it('is told from a wrong command and from a bug', async () => {
    const reply = (message: string): Error => Object.assign(new Error(message), { name: 'ReplyError' });
    await assert.rejects(attempt(Promise.reject(new Error('Connection is closed.'))), RedisUnavailable);
    await assert.rejects(attempt(Promise.reject(reply('READONLY You cannot write'))), RedisUnavailable);
    await assert.rejects(attempt(Promise.reject(reply('WRONGTYPE Operation'))), /WRONGTYPE/);
    await assert.rejects(attempt(Promise.reject(new TypeError('bug'))), TypeError);
  });
});
