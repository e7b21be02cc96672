/** The contract of `CallStore`, `Mailbox`, `Outbox` and `TimelineStore` against a real Redis. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Ending } from '../../shared/domain/ending.ts';
import { systemClock } from '../../shared/kernel/clock.ts';
import { type CallSid, type Epoch, FIRST_LEG, newCallSid, type OwnerId } from '../../shared/kernel/ids.ts';
import { silentLogger } from '../../shared/kernel/log.ts';
import { callKeys } from '../../shared/store/keys.ts';
import { openStore } from '../../shared/store/open.ts';
import { connectRedis, type RedisClient, RedisUnavailable } from '../../shared/store/redis.ts';
import { BoxFull, CallForgotten, type Store } from '../../shared/store/store.ts';
import { aCall, aStream } from '../support/records.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';
import { keysOf, serversOf } from '../support/redis-keys.ts';

const RETENTION_MS = 60_000;
const one = 'host-1' as OwnerId;
const two = 'host-2' as OwnerId;
const ending: Ending = { status: 'completed', cause: 'caller_hangup', blame: 'caller', sipCode: null, detail: null };
const endedAt = '2026-11-23T10:00:00.000Z';
const callback = { event: 'call.completed', url: 'http://app', method: 'POST', fields: { a: 'b' } } as const;
const end = { status: 'completed', endedAt, ending } as const;

let redis: TestRedis;
let store: Store;
/** A second process of the system. */
let other: Store;
let raw: RedisClient;

before(async () => {
  redis = await startTestRedis();
  store = await openStore(redis.url, { retentionMs: RETENTION_MS }, systemClock, silentLogger);
  other = await openStore(redis.url, { retentionMs: RETENTION_MS }, systemClock, silentLogger);
  raw = connectRedis(redis.url, 'subscriber', silentLogger);
});

after(async () => {
  raw.disconnect();
  await store.close();
  await other.close();
  await redis.stop();
});

async function aClaimedCall(owner = one): Promise<{ readonly sid: CallSid; readonly epoch: Epoch }> {
  const call = aCall();
  await store.calls.create(call);
  const claimed = await store.calls.claim(call.sid, owner);
  assert.ok(claimed);
  return { sid: call.sid, epoch: claimed.epoch };
}

describe('calls', () => {
  it('gives back what was written, empty lists and objects included', async () => {
    const call = aCall({ callerName: 'Ann "A" Ü', offer: 'v=0\r\n' });
    assert.deepEqual(await store.calls.create(call), { kind: 'created', call });
    assert.deepEqual(await other.calls.get(call.sid), call);
    assert.equal(await store.calls.get(newCallSid()), null);
  });

  it('creates once for two clients with the same Idempotency-Key', async () => {
    const once = { key: `order-${newCallSid()}`, fingerprint: 'f1' };
    const answers = await Promise.all([
      store.calls.create(aCall(), once),
      other.calls.create(aCall(), once),
      store.calls.create(aCall(), once),
      other.calls.create(aCall(), once),
    ]);
    assert.deepEqual(answers.map((answer) => answer.kind).sort(), ['created', 'repeated', 'repeated', 'repeated']);
    const sids = new Set(answers.map((answer) => (answer.kind === 'key_reused' ? null : answer.call.sid)));
    assert.equal(sids.size, 1);
    assert.deepEqual(await other.calls.create(aCall(), { ...once, fingerprint: 'f2' }), { kind: 'key_reused' });
  });

  it('has a call in the lists whose creator died before it was there, when it is asked for again', async () => {
    const once = { key: `order-${newCallSid()}`, fingerprint: 'f1' };
    const call = aCall();
    await store.calls.create(call, once);
    for (const list of ['all', 'live', 'queued']) await raw.zrem(`pivot:{index}:${list}`, call.sid);
    assert.equal((await other.calls.create(aCall(), once)).kind, 'repeated');
    const { items } = await store.calls.list({ status: 'queued' }, 1, null);
    assert.equal(items[0]?.sid, call.sid);
    assert.ok((await store.calls.overdue(Date.now() + 1000, 1000)).includes(call.sid));
  });

  it('leaves nothing of a call that lost the race for its key', async () => {
    const once = { key: `order-${newCallSid()}`, fingerprint: 'f1' };
    const calls = [aCall(), aCall()];
    const answers = await Promise.all(
      calls.map((call, index) => (index === 0 ? store : other).calls.create(call, once)),
    );
    const loser = calls[answers.findIndex((answer) => answer.kind === 'repeated')];
    assert.ok(loser);
    assert.equal(await store.calls.get(loser.sid), null);
    assert.equal(await raw.exists(`pivot:{${loser.sid}}:timeline`), 0);
  });

  it('lets the newest owner write a call again that was forgotten, whoever comes first', async () => {
    const { sid, epoch } = await aClaimedCall(one);
    const later = await other.calls.claim(sid, two);
    assert.ok(later);
    const memory = { serial: 3, streams: [], entries: [], callbacks: [] };
    await raw.del(`pivot:{${sid}}:call`);
    await assert.rejects(store.calls.save(sid, epoch, { patch: { callerName: 'x' } }), CallForgotten);
    await assert.rejects(store.mailbox.readForCall(sid, epoch), CallForgotten);
    await assert.rejects(store.streams.open(aStream(sid), { kind: 'owner', epoch }), CallForgotten);

    assert.equal(await store.calls.restore({ ...memory, call: { ...later.call, owner: one }, epoch }), 'done');
    await assert.rejects(other.calls.save(sid, later.epoch, { patch: { callerName: 'x' } }), CallForgotten);
    assert.equal(await other.calls.restore({ ...memory, call: later.call, epoch: later.epoch }), 'done');
    assert.equal(await store.calls.restore({ ...memory, call: { ...later.call, owner: one }, epoch }), 'lost');
    assert.equal(await store.calls.save(sid, epoch, { patch: { callerName: 'x' } }), 'lost');
    assert.equal(await other.calls.save(sid, later.epoch, { patch: { callerName: 'y' }, serial: 4 }), 'done');
    assert.deepEqual(await store.calls.get(sid), { ...later.call, callerName: 'y' });
  });

  it('gives two owners two epochs and refuses the older one everywhere', async () => {
    const { sid, epoch } = await aClaimedCall(one);
    const stream = aStream(sid);
    await store.streams.open(stream, { kind: 'owner', epoch });
    const later = await other.calls.claim(sid, two);
    assert.ok(later && later.epoch > epoch);
    assert.equal(later.call.owner, two);

    assert.equal(await store.calls.save(sid, epoch, { patch: { status: 'completed' } }), 'lost');
    assert.equal(await store.streams.save(sid, stream.sid, epoch, { status: 'failed' }), 'lost');
    assert.deepEqual(await store.streams.open(aStream(sid), { kind: 'owner', epoch }), { kind: 'lost' });
    assert.equal(await store.mailbox.readForCall(sid, epoch), 'lost');
    assert.equal(await store.mailbox.ackForCall(sid, epoch, 1), 'lost');
    assert.equal(await store.mailbox.postToGateway(sid, epoch, { kind: 'hangup', leg: FIRST_LEG }), 'lost');

    assert.equal((await store.calls.get(sid))?.status, 'queued');
    assert.equal((await store.streams.get(sid, stream.sid))?.status, 'connecting');
    assert.deepEqual(await store.mailbox.readForGateway(sid), []);
    assert.equal(await store.calls.save(sid, later.epoch, { patch: { status: 'ringing' } }), 'done');
  });

  it('gives each of many claims at once an epoch of its own', async () => {
    const call = aCall();
    await store.calls.create(call);
    const claims = await Promise.all(
      [store, other, store, other].map((client, index) => client.calls.claim(call.sid, `o${index}` as OwnerId)),
    );
    assert.deepEqual(claims.map((claim) => claim?.epoch).sort(), [1, 2, 3, 4]);
  });

  it('does not claim a call that ended or never was', async () => {
    const { sid, epoch } = await aClaimedCall();
    await store.calls.save(sid, epoch, { patch: end });
    assert.equal(await store.calls.claim(sid, two), null);
    assert.equal(await store.calls.claim(newCallSid(), two), null);
  });

  it('does a change once however often it is tried', async () => {
    const { sid, epoch } = await aClaimedCall();
    const change = {
      serial: 1,
      entries: [{ at: endedAt, entry: { type: 'media.held' } as const }],
      callbacks: [{ event: 'call.ringing', url: 'http://app', method: 'POST' as const, fields: {} }],
      letters: [{ kind: 'hangup', leg: FIRST_LEG } as const],
    };
    assert.equal(await store.calls.save(sid, epoch, change), 'done');
    assert.equal(await store.calls.save(sid, epoch, change), 'done');
    assert.deepEqual(
      (await store.timeline.read(sid, 0, 10)).map((event) => event.type),
      ['call.created', 'media.held'],
    );
    assert.equal((await store.mailbox.readForGateway(sid)).length, 1);
    const first = await store.outbox.peek(sid);
    assert.ok(first);
    await store.outbox.remove(sid, first.id);
    await store.outbox.remove(sid, first.id);
    assert.equal(await store.outbox.peek(sid), null);
  });

  it('writes the end once, keeps every key for the retention time and no longer', async () => {
    const { sid, epoch } = await aClaimedCall();
    await store.streams.open(aStream(sid), { kind: 'owner', epoch });
    await store.mailbox.postToCall(sid, { kind: 'press', digits: '1' });
    assert.equal(await raw.pttl(`pivot:{${sid}}:call`), -1);
    await store.calls.save(sid, epoch, { patch: end, callbacks: [callback] });
    await store.calls.save(sid, epoch, { patch: { status: 'failed', durationMs: 5 } });
    await store.mailbox.postToGateway(sid, epoch, { kind: 'hangup', leg: FIRST_LEG });
    const call = await store.calls.get(sid);
    assert.deepEqual([call?.status, call?.durationMs, call?.ending], ['completed', 5, ending]);
    const keys = await keysOf(raw, `pivot:{${sid}}:*`);
    assert.ok(keys.length >= 6);
    for (const key of keys) {
      const left = await raw.pttl(key);
      assert.ok(left > 0 && left <= RETENTION_MS, `${key} lives ${left} ms`);
    }
  });

  it('ends a call nobody has, and no other', async () => {
    const call = aCall({ gateway: null });
    await store.calls.create(call);
    const letters = [{ kind: 'reject', leg: FIRST_LEG, sipCode: 503, reason: 'Service Unavailable' }] as const;
    assert.equal(await store.calls.endUnclaimed(call.sid, { ...end, status: 'canceled' }, { letters }), true);
    assert.equal((await store.calls.get(call.sid))?.status, 'canceled');
    assert.deepEqual(
      (await store.mailbox.readForGateway(call.sid)).map(({ letter }) => letter),
      letters,
    );
    assert.equal(await store.calls.endUnclaimed(call.sid, end), false);
    const { sid } = await aClaimedCall();
    assert.equal(await store.calls.endUnclaimed(sid, end), false);
    assert.equal(await store.calls.endUnclaimed(newCallSid(), end), false);
  });

  it('tells which calls nobody has taken in time', async () => {
    const old = Date.now() - 100_000;
    const [waiting, taken, ended] = [0, 1, 2].map((index) =>
      aCall({ createdAt: new Date(old + index).toISOString() }),
    ) as [ReturnType<typeof aCall>, ReturnType<typeof aCall>, ReturnType<typeof aCall>];
    for (const call of [waiting, taken, ended, aCall()]) await store.calls.create(call);
    await store.calls.claim(taken.sid, one);
    await store.calls.endUnclaimed(ended.sid, end);
    assert.deepEqual(await store.calls.overdue(Date.now() - 50_000, 10), [waiting.sid]);
    await store.calls.endUnclaimed(waiting.sid, end);
    assert.deepEqual(await store.calls.overdue(Date.now() - 50_000, 10), []);
  });
});

describe('lists of calls', () => {
  const to = '+15559990000';
  const base = Date.now() - 1_000_000;
  const calls = Array.from({ length: 25 }, (_none, index) =>
    // Three at a time share a millisecond: paging must not lose or repeat any.
    aCall({
      to,
      from: index % 2 === 0 ? 'even' : 'odd',
      createdAt: new Date(base + Math.floor(index / 3)).toISOString(),
    }),
  );

  before(async () => {
    for (const call of calls) await store.calls.create(call);
  });

  it('pages newest first, each call once', async () => {
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Awaited<ReturnType<Store['calls']['list']>> = await other.calls.list({ to }, 4, cursor);
      assert.ok(page.items.length <= 4);
      seen.push(...page.items.map((call) => call.sid));
      cursor = page.nextCursor;
    } while (cursor !== null);
    assert.equal(new Set(seen).size, 25);
    assert.equal(seen.length, 25);
    const times = seen.map((sid) => calls.find((call) => call.sid === sid)?.createdAt ?? '');
    assert.deepEqual(times, [...times].sort().reverse());
  });

  it('filters by from, time and status', async () => {
    assert.equal((await store.calls.list({ to, from: 'odd' }, 100, null)).items.length, 12);
    assert.equal((await store.calls.list({ to, since: base + 2, until: base + 3 }, 100, null)).items.length, 6);
    const [first] = calls;
    assert.ok(first);
    const claimed = await store.calls.claim(first.sid, one);
    assert.ok(claimed);
    await store.calls.save(first.sid, claimed.epoch, { patch: { status: 'in-progress' } });
    const live = async () => (await store.calls.list({ to, status: 'in-progress' }, 100, null)).items.map((c) => c.sid);
    assert.deepEqual(await live(), [first.sid]);
    await store.calls.save(first.sid, claimed.epoch, { patch: end });
    assert.deepEqual(await live(), []);
    assert.equal((await store.calls.list({ to, status: 'completed' }, 100, null)).items.length, 1);
  });

  it('forgets an expired call, and a cursor that is none starts at the top', async () => {
    const gone = aCall({ to: 'gone' });
    await store.calls.create(gone);
    await raw.del(`pivot:{${gone.sid}}:call`);
    assert.deepEqual((await store.calls.list({ to: 'gone' }, 10, null)).items, []);
    assert.equal(await raw.zscore('pivot:{index}:all', gone.sid), null);
    assert.equal((await store.calls.list({ to }, 3, 'nonsense')).items.length, 3);
  });
});

describe('a Redis that takes no writes', () => {
  const settings: readonly (readonly [why: string, setting: string, ill: string, well: string])[] = [
    ['its memory is full', 'maxmemory', '1', '0'],
    ['it has too few replicas', 'min-replicas-to-write', '1', '0'],
  ];
  for (const [why, setting, ill, well] of settings) {
    it(`because ${why} is as one that is away, and is told the rest when it takes them again`, async () => {
      const set = async (value: string): Promise<void> => {
        await raw.get('nothing');
        await Promise.all(serversOf(raw).map((server) => server.config('SET', setting, value)));
      };
      const { sid, epoch } = await aClaimedCall();
      const [fresh, unwritten] = [aCall(), aCall()];
      await store.calls.create(fresh);
      const change = { serial: 1, patch: end, callbacks: [callback] };
      await set(ill);
      try {
        await assert.rejects(store.calls.create(unwritten), RedisUnavailable);
        await assert.rejects(store.calls.save(sid, epoch, change), RedisUnavailable);
        await assert.rejects(store.calls.claim(fresh.sid, one), RedisUnavailable);
        await assert.rejects(store.mailbox.postToCall(sid, { kind: 'press', digits: '1' }), RedisUnavailable);
      } finally {
        await set(well);
      }
      assert.equal((await store.calls.claim(fresh.sid, one))?.epoch, 1);
      assert.equal(await store.calls.save(sid, epoch, change), 'done');
      assert.deepEqual((await store.outbox.peek(sid))?.letter, callback);
    });
  }
});

describe('boxes', () => {
  it('keep letters in order until they are acknowledged, over a change of owner', async () => {
    const { sid, epoch } = await aClaimedCall(one);
    for (const digits of ['1', '2', '3']) {
      assert.deepEqual(await other.mailbox.postToCall(sid, { kind: 'press', digits }), { kind: 'posted', owner: one });
    }
    const letters = await store.mailbox.readForCall(sid, epoch);
    assert.ok(letters !== 'lost');
    assert.deepEqual(
      letters.map(({ letter }) => letter.kind === 'press' && letter.digits),
      ['1', '2', '3'],
    );
    await store.mailbox.ackForCall(sid, epoch, letters[0]?.id ?? 0);
    const later = await other.calls.claim(sid, two);
    assert.ok(later);
    const rest = await other.mailbox.readForCall(sid, later.epoch);
    assert.deepEqual(rest, letters.slice(1));
    assert.deepEqual(await store.mailbox.postToCall(sid, { kind: 'press', digits: '4' }), {
      kind: 'posted',
      owner: two,
    });
  });

  it('take letters of a call nobody has yet, and none of one that ended or never was', async () => {
    const call = aCall();
    await store.calls.create(call);
    const letter = { kind: 'end', status: 'canceled' } as const;
    assert.deepEqual(await store.mailbox.postToCall(call.sid, letter), { kind: 'posted', owner: null });
    await store.calls.endUnclaimed(call.sid, end);
    assert.deepEqual(await store.mailbox.postToCall(call.sid, letter), { kind: 'ended' });
    assert.deepEqual(await store.mailbox.postToCall(newCallSid(), letter), { kind: 'unknown' });
  });

  it('have a numbered letter once however often it is posted, whoever else posts', async () => {
    const { sid, epoch } = await aClaimedCall(one);
    const post = (digits: string, poster: string, serial: number, from = store) =>
      from.mailbox.postToCall(sid, { kind: 'press', digits }, { poster, serial });
    const posted = { kind: 'posted', owner: one } as const;
    assert.deepEqual(await post('1', 'before', 7), posted);
    assert.deepEqual(await post('1', 'before', 7), posted);
    // The process that takes the call up counts from the beginning; the one before may still be at it.
    assert.deepEqual(await post('2', 'after', 1, other), posted);
    assert.deepEqual(await post('1', 'before', 7), posted);
    assert.deepEqual(await post('2', 'after', 1, other), posted);
    assert.deepEqual(await post('3', 'before', 9), posted);
    for (const _time of [1, 2]) await other.mailbox.postToCall(sid, { kind: 'press', digits: '4' });
    const letters = await store.mailbox.readForCall(sid, epoch);
    assert.ok(letters !== 'lost');
    assert.deepEqual(
      letters.map(({ letter }) => letter.kind === 'press' && letter.digits),
      ['1', '2', '3', '4', '4'],
    );
    const call = await store.calls.get(sid);
    assert.ok(call && !Object.keys(call).some((field) => field.startsWith('_')));
  });

  it('take a last letter to the gateway after the end', async () => {
    const { sid, epoch } = await aClaimedCall();
    await store.calls.save(sid, epoch, { patch: end });
    assert.equal(await store.mailbox.postToGateway(sid, epoch, { kind: 'hangup', leg: FIRST_LEG }), 'done');
    const [letter] = await other.mailbox.readForGateway(sid);
    assert.deepEqual(letter?.letter, { kind: 'hangup', leg: FIRST_LEG });
    await other.mailbox.ackForGateway(sid, letter?.id ?? 0);
    assert.deepEqual(await other.mailbox.readForGateway(sid), []);
  });

  it('number letters upwards, those of one step and one millisecond too, and never again when a primary lost some', async () => {
    const { sid, epoch } = await aClaimedCall();
    const keys = callKeys(sid);
    const hangups = Array.from({ length: 20 }, () => ({ kind: 'hangup', leg: FIRST_LEG }) as const);
    const ids = async () => {
      await store.calls.save(sid, epoch, { letters: hangups, callbacks: [callback] });
      await store.mailbox.postToCall(sid, { kind: 'press', digits: '1' });
      const letters = await store.mailbox.readForCall(sid, epoch);
      const owed = await store.outbox.peek(sid);
      assert.ok(letters !== 'lost' && owed);
      return {
        gateway: (await store.mailbox.readForGateway(sid)).map(({ id }) => id),
        box: letters.at(-1)?.id ?? 0,
        owed: owed.id,
      };
    };
    const before = await raw.hgetall(keys.call);
    const first = await ids();
    assert.ok(Math.abs((first.gateway[0] ?? 0) - Date.now()) < 60_000, 'numbers are times');
    assert.deepEqual(
      first.gateway,
      Array.from(hangups, (_none, at) => (first.gateway[0] ?? 0) + at),
    );
    // A failover takes longer than numbers can be ahead of the time.
    while (Date.now() <= (first.gateway.at(-1) ?? 0)) await new Promise((resolve) => setTimeout(resolve, 1));
    // The replica that takes over had none of it.
    await raw.del(keys.call, keys.box, keys.gatewayBox, keys.outbox);
    await raw.hset(keys.call, before);
    const second = await ids();
    assert.ok((second.gateway[0] ?? 0) > (first.gateway.at(-1) ?? 0));
    assert.ok(second.box > first.box && second.owed > first.owed);
  });

  it('are bounded', async () => {
    const { sid } = await aClaimedCall();
    const last = { poster: 'one', serial: 1 };
    const press = { kind: 'press', digits: '1' } as const;
    await store.mailbox.postToCall(sid, press, last);
    const post = () => store.mailbox.postToCall(sid, press);
    for (let posted = 1; posted < 1000; posted += 111) await Promise.all(Array.from({ length: 111 }, post));
    await assert.rejects(post, BoxFull);
    // Neither is a letter that is there already refused, nor one counted that is not.
    assert.equal((await store.mailbox.postToCall(sid, press, last)).kind, 'posted');
    const next = { ...last, serial: 2 };
    await assert.rejects(store.mailbox.postToCall(sid, press, next), BoxFull);
    const { epoch } = (await store.calls.claim(sid, two)) ?? {};
    assert.ok(epoch);
    const letters = await store.mailbox.readForCall(sid, epoch);
    assert.ok(letters !== 'lost');
    assert.equal(letters.length, 1000);
    await store.mailbox.ackForCall(sid, epoch, letters.at(-1)?.id ?? 0);
    await store.mailbox.postToCall(sid, press, next);
    assert.equal((await store.mailbox.readForCall(sid, epoch)).length, 1);
  });
});

describe('the timeline', () => {
  it('numbers entries without gaps, whoever writes', async () => {
    const { sid, epoch } = await aClaimedCall();
    const entries = [{ at: endedAt, entry: { type: 'media.held' } as const }];
    await Promise.all([
      store.calls.save(sid, epoch, { entries: [...entries, ...entries] }),
      other.timeline.append(sid, entries),
      store.timeline.append(sid, entries),
    ]);
    const events = await other.timeline.read(sid, 0, 100);
    assert.deepEqual(
      events.map(({ seq }) => seq),
      [1, 2, 3, 4, 5],
    );
    assert.deepEqual(events[1], { type: 'media.held', at: endedAt, seq: 2 });
    assert.deepEqual(
      (await store.timeline.read(sid, 2, 2)).map(({ seq }) => seq),
      [3, 4],
    );
  });

  it('wakes its followers when it grows, and no longer when they leave', async () => {
    const { sid } = await aClaimedCall();
    let leave: () => void = () => undefined;
    const woken = new Promise<void>((resolve) => {
      leave = other.timeline.follow(sid, resolve);
    });
    await store.timeline.append(sid, [{ at: endedAt, entry: { type: 'media.held' } }]);
    await woken;
    leave();
    // Followed again by someone else: nothing is left of the first.
    leave();
  });
});
