/** Addresses of Redis, and the pauses between attempts to reach it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { attempt, RedisUnavailable, retryPauseMs, serverOptions } from '../../../shared/store/redis.ts';
import { type RedisAddress, RedisAddressError, readRedisAddress } from '../../../shared/store/redis-address.ts';
import { reasonOf } from '../../../shared/store/redis-reason.ts';

describe('an address of Redis', () => {
  const server = (host: string, port = 6379) => ({ host, port });
  const sentinel = { kind: 'sentinel', master: 'main', db: 0, tls: false, sentinel: {} } as const;
  const cases: readonly (readonly [string, RedisAddress])[] = [
    ['redis://cache', { kind: 'server', server: server('cache'), db: 0, tls: false }],
    [
      'redis://:p%40ss@cache:7000/3',
      { kind: 'server', server: server('cache', 7000), db: 3, tls: false, password: 'p@ss' },
    ],
    [
      'rediss://me:secret@cache',
      { kind: 'server', server: server('cache'), db: 0, tls: true, username: 'me', password: 'secret' },
    ],
    ['redis://[::1]:6380', { kind: 'server', server: server('::1', 6380), db: 0, tls: false }],
    ['redis://cache?db=4', { kind: 'server', server: server('cache'), db: 4, tls: false }],
    ['/run/redis/redis.sock', { kind: 'socket', path: '/run/redis/redis.sock', db: 0 }],
    ['unix:///run/my%20redis.sock?db=2', { kind: 'socket', path: '/run/my redis.sock', db: 2 }],
    ['redis+sentinel://one/main', { ...sentinel, servers: [server('one', 26379)] }],
    [
      'rediss+sentinel://me:secret@one:1,[::1]:2,three/main/5?sentinelUsername=guard&sentinelPassword=p%40ss',
      {
        ...sentinel,
        servers: [server('one', 1), server('::1', 2), server('three', 26379)],
        db: 5,
        tls: true,
        username: 'me',
        password: 'secret',
        sentinel: { username: 'guard', password: 'p@ss' },
      },
    ],
    ['redis+cluster://one:7000,two', { kind: 'cluster', servers: [server('one', 7000), server('two')], tls: false }],
    ['rediss+cluster://:secret@one/', { kind: 'cluster', servers: [server('one')], tls: true, password: 'secret' }],
  ];
  for (const [text, address] of cases) {
    it(`may be ${text}`, () => assert.deepEqual(readRedisAddress(text), address));
  }

  it('may be nothing else, and its password is not told', () => {
    const wrong: readonly (readonly [string, RegExp])[] = [
      ['http://:secret@cache', /not an address of Redis/],
      ['cache', /not an address of Redis/],
      ['redis-sentinel://:secret@one:26379', /not an address of Redis/],
      ['redis://:secret@one:7000,two:7000', /say which/],
      ['redis+sentinel://:secret@one:26379', /name of the master/],
      ['redis+sentinel://:secret@one/main/x', /database is a number/],
      ['redis+sentinel://:secret@one/main/0/more', /name of the master/],
      ['redis+cluster://:secret@one:7000/1', /no databases/],
      ['redis+cluster://:secret@one?db=1', /no databases/],
      ['redis+cluster://:secret@', /host or host:port/],
      ['redis+cluster://:secret@one:70000', /host or host:port/],
      ['redis://:secret%zz@one', /hex digits/],
    ];
    for (const [text, why] of wrong) {
      assert.throws(
        () => readRedisAddress(text),
        (error: unknown) =>
          error instanceof RedisAddressError && why.test(error.message) && !/secret/.test(error.message),
        text,
      );
    }
  });

  it('of Sentinels asks them over TLS where the servers have it, with their own credentials', () => {
    const address = readRedisAddress('rediss+sentinel://:a@one,two/main/2?sentinelPassword=b');
    assert.ok(address.kind === 'sentinel');
    const { sentinels, name, db, password, sentinelPassword, tls, enableTLSForSentinelMode } = serverOptions(
      address,
      'commands',
    );
    assert.deepEqual([name, db, password, sentinelPassword], ['main', 2, 'a', 'b']);
    assert.deepEqual(sentinels, [server('one', 26379), server('two', 26379)]);
    assert.deepEqual([tls, enableTLSForSentinelMode], [{}, true]);
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
    const passing = 'LOADING READONLY MASTERDOWN CLUSTERDOWN MOVED ASK TRYAGAIN UNBLOCKED BUSY NOREPLICAS OOM MISCONF';
    for (const code of passing.split(' ')) {
      for (const words of [
        `${code} of whatever it says`,
        `${code} of whatever it says script: 4fa1, on @user_script:12.`,
        `ERR Error running script (call to f_4fa1): @user_script:12: @user_script: 12: -${code} of whatever it says`,
      ])
        await assert.rejects(attempt(Promise.reject(reply(words))), RedisUnavailable, words);
    }
    for (const words of [
      'WRONGTYPE Operation',
      'ERR Error running script (call to f_4fa1): @user_script:12: @user_script:12: Script attempted to OOM',
      'BUSYGROUP Consumer Group name already exists',
    ])
      await assert.rejects(attempt(Promise.reject(reply(words))), { message: words });
    await assert.rejects(attempt(Promise.reject(new TypeError('bug'))), TypeError);
  });
});

describe('why Redis cannot be reached', () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['connect ECONNREFUSED 127.0.0.1:1', /^connect ECONNREFUSED 127\.0\.0\.1:1$/],
    ['self-signed certificate in certificate chain', /^self-signed .*NODE_EXTRA_CA_CERTS/],
    ['unable to verify the first certificate', /NODE_EXTRA_CA_CERTS/],
    ['unable to get local issuer certificate', /NODE_EXTRA_CA_CERTS/],
    ["Hostname/IP does not match certificate's altnames: IP: 127.0.0.1 is not in the list", /name Redis in REDIS_URL/],
    ['SSL routines:ssl3_get_record:wrong version number', /take redis for rediss/],
  ];
  for (const [words, reason] of cases) it(words, () => assert.match(reasonOf(new Error(words)), reason));

  it('may have a code alone, or be unknown', () => {
    assert.equal(reasonOf(Object.assign(new AggregateError([]), { code: 'ETIMEDOUT' })), 'ETIMEDOUT');
    assert.equal(reasonOf(null), '');
  });
});
