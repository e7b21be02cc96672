/** The contract of the small stores (numbers, dialogs, presence) and of a Redis that is away. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { NumberRecord } from '../../shared/domain/number.ts';
import { systemClock } from '../../shared/kernel/clock.ts';
import { FIRST_LEG, type GatewayId, newCallSid, type OwnerId } from '../../shared/kernel/ids.ts';
import { silentLogger } from '../../shared/kernel/log.ts';
import { openStore } from '../../shared/store/open.ts';
import { RedisUnavailable } from '../../shared/store/redis.ts';
import type { Store } from '../../shared/store/store.ts';
import { aCall } from '../support/records.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';

const PRESENCE_MS = 500;

let redis: TestRedis;
let store: Store;

before(async () => {
  redis = await startTestRedis();
  const settings = { retentionMs: 60_000, presenceMs: PRESENCE_MS };
  store = await openStore(redis.url, settings, systemClock, silentLogger);
});

after(async () => {
  await store.close();
  await redis.stop();
});

const aNumber = (number: string): NumberRecord => ({
  number,
  voiceUrl: 'https://app.example/voice',
  voiceMethod: 'POST',
  voiceFallbackUrl: null,
  twiml: null,
  statusCallback: null,
  dialect: 'pivot',
});

describe('numbers', () => {
  it('are put, replaced, listed in order and removed', async () => {
    const names = ['*', '+1555', '+1556', '+1557', '+1558'];
    for (const name of names.toReversed()) assert.equal(await store.numbers.put(aNumber(name)), 'created');
    assert.equal(await store.numbers.put({ ...aNumber('*'), dialect: 'twilio' }), 'replaced');
    assert.equal((await store.numbers.get('*'))?.dialect, 'twilio');
    const first = await store.numbers.list(2, null);
    const second = await store.numbers.list(3, first.nextCursor);
    assert.deepEqual(
      [...first.items, ...second.items].map(({ number }) => number),
      names,
    );
    assert.equal(second.nextCursor, null);
    assert.equal(await store.numbers.remove('*'), true);
    assert.equal(await store.numbers.remove('*'), false);
    assert.equal(await store.numbers.get('*'), null);
  });
});

describe('dialogs', () => {
  it('are found again by their gateway only', async () => {
    const [one, two] = ['gw-1' as GatewayId, 'gw-2' as GatewayId];
    const [sid, gone] = [newCallSid(), newCallSid()];
    await store.dialogs.put(one, sid, FIRST_LEG, { cseq: 1 });
    await store.dialogs.put(one, sid, FIRST_LEG, { cseq: 2 });
    await store.dialogs.put(one, gone, FIRST_LEG, {});
    await store.dialogs.remove(one, gone, FIRST_LEG);
    assert.deepEqual(await store.dialogs.all(one), [{ sid, leg: FIRST_LEG, data: { cseq: 2 } }]);
    assert.deepEqual(await store.dialogs.all(two), []);
  });
});

describe('presence', () => {
  it('lasts until it is withdrawn or not renewed; the gone are told once', async () => {
    const [stays, leaves, dies] = ['stays', 'leaves', 'dies'] as [OwnerId, OwnerId, OwnerId];
    const state = { calls: 1, capacity: 2, draining: false };
    await store.presence.announceOwner(dies, state);
    while ((await store.presence.owners()).length > 0) await wait(5);
    await store.presence.announceOwner(leaves, state);
    await store.presence.withdrawOwner(leaves);
    await store.presence.announceOwner(stays, state);
    assert.deepEqual(await store.presence.owners(), [{ ...state, owner: stays }]);
    const told = await Promise.all([store.presence.goneOwners(), store.presence.goneOwners()]);
    assert.deepEqual(told.flat(), [dies]);
  });

  it('of a gateway says its address', async () => {
    const gateway = 'gw-1' as GatewayId;
    await store.presence.announceGateway(gateway, { address: '127.0.0.1:5060' });
    assert.deepEqual(await store.presence.gateways(), [{ gateway, address: '127.0.0.1:5060' }]);
    await store.presence.withdrawGateway(gateway);
    assert.deepEqual(await store.presence.gateways(), []);
  });
});

describe('callbacks owed', () => {
  const owing = async (...events: readonly string[]) => {
    const call = aCall();
    await store.calls.create(call);
    const claimed = await store.calls.claim(call.sid, 'owner-1' as OwnerId);
    assert.ok(claimed);
    const callbacks = events.map((event) => ({ event, url: 'http://app', method: 'POST' as const, fields: {} }));
    await store.calls.save(call.sid, claimed.epoch, { callbacks });
    return call.sid;
  };

  it("are one courier's at a time, until it releases them", async () => {
    const sid = await owing('one', 'two');
    const first = await store.outbox.claim(sid, 'a', 60_000);
    assert.ok(first.kind === 'owed' && first.owed.letter.event === 'one');
    const busy = await store.outbox.claim(sid, 'b', 60_000);
    assert.ok(busy.kind === 'busy' && busy.forMs > 0 && busy.forMs <= 60_000);
    await store.outbox.release(sid, 'b');
    assert.equal((await store.outbox.claim(sid, 'b', 60_000)).kind, 'busy');
    assert.equal((await store.outbox.claim(sid, 'a', 60_000)).kind, 'owed');
    await store.outbox.remove(sid, first.owed.id);
    await store.outbox.release(sid, 'a');
    const second = await store.outbox.claim(sid, 'b', 60_000);
    assert.ok(second.kind === 'owed' && second.owed.letter.event === 'two');
    await store.outbox.remove(sid, second.owed.id);
    assert.deepEqual(await store.outbox.claim(sid, 'a', 60_000), { kind: 'empty' });
  });

  it("are the next one's when a courier that died has run out of time", async () => {
    const sid = await owing('one');
    await store.outbox.claim(sid, 'dead', 30);
    let claim = await store.outbox.claim(sid, 'b', 60_000);
    for (; claim.kind === 'busy'; claim = await store.outbox.claim(sid, 'b', 60_000)) await wait(claim.forMs);
    assert.equal(claim.kind, 'owed');
    assert.equal((await store.outbox.claim(sid, 'dead', 30)).kind, 'busy');
  });

  it('of a call that is no more leave nothing behind', async () => {
    const sid = newCallSid();
    assert.deepEqual(await store.outbox.claim(sid, 'a', 60_000), { kind: 'empty' });
    await store.outbox.release(sid, 'a');
    assert.equal(await store.calls.get(sid), null);
  });
});

describe('a Redis that is away', () => {
  const answersNow = (): Promise<boolean> =>
    store.ping().then(
      () => true,
      () => false,
    );

  it('fails every command at once and is found again', async () => {
    const call = aCall();
    await store.calls.create(call);
    await redis.down();
    while (await answersNow()) await wait(1);
    await assert.rejects(store.calls.get(call.sid), RedisUnavailable);
    await assert.rejects(store.calls.create(aCall()), RedisUnavailable);
    await assert.rejects(store.mailbox.postToCall(call.sid, { kind: 'press', digits: '1' }), RedisUnavailable);
    await redis.up();
    while (!(await answersNow())) await wait(5);
    assert.deepEqual(await store.calls.get(call.sid), call, 'nothing was lost, and every step is known again');
    assert.equal((await store.mailbox.postToCall(call.sid, { kind: 'press', digits: '1' })).kind, 'posted');
  });

  it('that is there and silent fails a command within seconds', async () => {
    redis.freeze();
    try {
      await assert.rejects(store.ping(), RedisUnavailable);
    } finally {
      redis.thaw();
    }
    assert.ok((await store.ping()) >= 0);
  });
});
