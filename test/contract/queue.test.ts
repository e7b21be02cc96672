/** The queues against a real Redis: a call is one job, outlives its worker, and every ring is heard. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { systemClock } from '../../shared/kernel/clock.ts';
import { type CallSid, type GatewayId, newCallSid, type OwnerId } from '../../shared/kernel/ids.ts';
import { silentLogger } from '../../shared/kernel/log.ts';
import type { CallQueue, CallWork, CallWorker, QueueWorker } from '../../shared/queue/ports.ts';
import { openQueue } from '../../shared/queue/queue.ts';
import { connectRedis, RedisUnavailable, untilReady } from '../../shared/store/redis.ts';
import { empty, startTestRedis, type TestRedis } from '../support/redis.ts';
import { keysOf } from '../support/redis-keys.ts';

let redis: TestRedis;
let queue: CallQueue;
let other: CallQueue;
const workers: QueueWorker[] = [];

before(async () => {
  redis = await startTestRedis();
  queue = await openQueue(redis.url, systemClock, silentLogger);
  other = await openQueue(redis.url, systemClock, silentLogger);
});

afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.abandon();
  // Calls that were abandoned would be handed to the next test.
  const raw = connectRedis(redis.url, 'subscriber', silentLogger);
  for (const key of await keysOf(raw, '{pivot}:calls:*')) await raw.del(key);
  raw.disconnect();
});

after(async () => {
  await queue.close();
  await other.close();
  await redis.stop();
});

/** What was told, in order, and a promise of the n-th. */
function heard<Item>() {
  const items: Item[] = [];
  const waiting = new Map<number, () => void>();
  return {
    items,
    tell(item: Item): void {
      items.push(item);
      waiting.get(items.length)?.();
    },
    count: (count: number): Promise<void> =>
      items.length >= count ? Promise.resolve() : new Promise((resolve) => waiting.set(count, resolve)),
  };
}

const never = new Promise<void>(() => undefined);

let owners = 0;
const anOwner = (): OwnerId => {
  owners += 1;
  return `owner-${owners}` as OwnerId;
};
const workOn = (on: CallQueue, work: Omit<CallWork, 'owner'>): CallWorker =>
  on.workCalls({ owner: anOwner(), ...work });

describe('the queue of calls', () => {
  it('runs a call once, however often it is added', async () => {
    const sid = newCallSid();
    await Promise.all([queue.addCall(sid), other.addCall(sid), queue.addCall(sid)]);
    assert.equal(await queue.waiting(), 1);
    const runs = heard<CallSid>();
    const run = async (call: CallSid): Promise<void> => runs.tell(call);
    workers.push(workOn(other, { concurrency: 5, run, onDoubt: () => undefined }));
    const last = newCallSid();
    await runs.count(1);
    await queue.addCall(last);
    await runs.count(2);
    assert.deepEqual(runs.items, [sid, last]);
  });

  it('outlives a run that breaks off, and lets another have its call', async () => {
    const sid = newCallSid();
    const runs = heard<readonly [CallSid, number]>();
    const run = async (call: CallSid, recoveries: number): Promise<void> => {
      runs.tell([call, recoveries]);
      // Not handled by anybody, this would end the process.
      if (recoveries === 0) throw new Error('a bug');
    };
    workers.push(workOn(other, { concurrency: 5, run, onDoubt: () => undefined }));
    await queue.addCall(sid);
    await runs.count(2);
    assert.deepEqual(runs.items, [
      [sid, 0],
      [sid, 1],
    ]);
  });

  it('gives a call whose worker died to another, and says so', async () => {
    const sid = newCallSid();
    const runs = heard<readonly [CallSid, number]>();
    const work = {
      concurrency: 5,
      run(call: CallSid, recoveries: number): Promise<void> {
        runs.tell([call, recoveries]);
        return recoveries === 0 ? never : Promise.resolve();
      },
      onDoubt: () => undefined,
    };
    const first = workOn(queue, work);
    await queue.addCall(sid);
    await runs.count(1);
    await first.abandon();
    workers.push(workOn(other, work));
    await runs.count(2);
    assert.deepEqual(runs.items, [
      [sid, 0],
      [sid, 1],
    ]);
  });

  it('gives a call to another at once when its owner lets go of it, or is known to be dead', async () => {
    const runs = heard<CallSid>();
    const owner = anOwner();
    const [given, dead] = [newCallSid(), newCallSid()];
    let letGo: () => void = () => undefined;
    const first = queue.workCalls({
      owner,
      concurrency: 5,
      async run(call: CallSid, _recoveries: number, giveBack: () => void): Promise<void> {
        runs.tell(call);
        if (call === dead) await never;
        await new Promise<void>((resolve) => {
          letGo = resolve;
        });
        giveBack();
      },
      onDoubt: () => undefined,
    });
    await Promise.all([queue.addCall(dead), queue.addCall(given)]);
    await runs.count(2);
    // It takes nothing more, and waits in vain for the call that never ends.
    first.close().catch(() => undefined);
    letGo();
    while ((await other.waiting()) === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    await first.abandon();
    const taken = heard<string>();
    const run = async (call: CallSid, recoveries: number): Promise<void> => taken.tell(`${call} ${recoveries}`);
    workers.push(workOn(other, { concurrency: 5, run, onDoubt: () => undefined }));
    await taken.count(1);
    assert.equal(await other.handOver(owner), 1, 'its lease has not run out by itself');
    await taken.count(2);
    assert.deepEqual(taken.items, [`${given} 0`, `${dead} 1`]);
    assert.equal(await other.handOver(owner), 0);
    assert.equal(await other.waiting(), 0, 'what is no longer theirs is not given away again');
  });

  it('wakes another worker when the one that was woken does not come', async () => {
    const stalled = connectRedis(redis.url, 'blocking', silentLogger);
    const woken = stalled.bzpopmin('{pivot}:calls:marker', 10);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const runs = heard<CallSid>();
    const run = async (call: CallSid): Promise<void> => runs.tell(call);
    workers.push(workOn(other, { concurrency: 5, run, onDoubt: () => undefined }));
    // So that the worker waits behind the stalled one.
    await new Promise((resolve) => setTimeout(resolve, 500));
    const sid = newCallSid();
    const addedAt = Date.now();
    await queue.addCall(sid);
    assert.notEqual(await woken, null, 'the stalled one was woken');
    await runs.count(1);
    assert.ok(Date.now() - addedAt < 2500, `${Date.now() - addedAt} ms`);
    stalled.disconnect();
  });

  it('leaves a call with its worker when the lease ran out while Redis was away', async () => {
    const runs = heard<CallSid>();
    const doubts = heard<readonly CallSid[]>();
    const renewals = heard<readonly CallSid[]>();
    const run = (call: CallSid): Promise<void> => {
      runs.tell(call);
      return never;
    };
    const onRenewed = (_askedAt: number, lost: readonly CallSid[]): void => renewals.tell(lost);
    const work = { concurrency: 5, run, onDoubt: doubts.tell, onRenewed };
    const sid = newCallSid();
    workers.push(workOn(queue, work), workOn(other, work));
    await queue.addCall(sid);
    await runs.count(1);
    const raw = connectRedis(redis.url, 'subscriber', silentLogger);
    // As Redis finds things after ten seconds of silence.
    const longAgo = Date.now() - 10_000;
    const names = await raw.zrange('{pivot}:calls:owners', 0, '-1');
    const lapsed = names.flatMap((name) => [String(longAgo), name]);
    await raw
      .multi()
      .set('{pivot}:calls:swept', `${longAgo} 0`)
      .zadd('{pivot}:calls:owners', ...lapsed)
      .exec();
    // Longer than two sweeps.
    await renewals.count(renewals.items.length + 8);
    assert.deepEqual([runs.items, doubts.items, renewals.items.flat()], [[sid], [], []], 'nobody else ran it');
    raw.disconnect();
  });

  it('takes its calls back as long as nobody else has them, when they were given away over its head', async () => {
    const runs = heard<CallSid>();
    const doubts = heard<readonly CallSid[]>();
    const run = (call: CallSid): Promise<void> => {
      runs.tell(call);
      return never;
    };
    const owner = anOwner();
    const sids = [newCallSid(), newCallSid()];
    // Full, so that it does not take from the queue what it has lost to it.
    workers.push(queue.workCalls({ owner, concurrency: 2, run, onDoubt: doubts.tell }));
    for (const sid of sids) await queue.addCall(sid);
    await runs.count(2);
    assert.equal(await other.handOver(owner), 2);
    await doubts.count(1);
    assert.deepEqual([doubts.items.flat().toSorted(), runs.items.toSorted()], [sids.toSorted(), sids.toSorted()]);
    assert.equal(await other.waiting(), 0);
    assert.equal(await other.handOver(owner), 2, 'they are held again');
  });

  it('lets a call be taken that Redis alone thinks somebody has, as after a failover that lost its letting go', async () => {
    const runs = heard<CallSid>();
    const owner = anOwner();
    const run = async (call: CallSid): Promise<void> => runs.tell(call);
    workers.push(queue.workCalls({ owner, concurrency: 5, run, onDoubt: () => undefined }));
    const sid = newCallSid();
    const raw = connectRedis(redis.url, 'subscriber', silentLogger);
    await raw
      .multi()
      .hset(`{pivot}:calls:${sid}`, {
        name: 'call',
        data: JSON.stringify({ sid }),
        opts: '{}',
        timestamp: 1,
        priority: 0,
      })
      .zadd(`{pivot}:calls:held:${owner}`, '100', sid)
      .zrem('{pivot}:calls:owners', owner)
      .exec();
    await runs.count(1);
    assert.deepEqual(runs.items, [sid]);
    raw.disconnect();
  });

  it('makes the job of a running call again when Redis has forgotten it, and hands it over when its worker dies', async () => {
    const runs = heard<readonly [CallSid, number]>();
    const doubts = heard<readonly CallSid[]>();
    const work = {
      concurrency: 5,
      run(call: CallSid, recoveries: number): Promise<void> {
        runs.tell([call, recoveries]);
        return recoveries === 0 ? never : Promise.resolve();
      },
      onDoubt: doubts.tell,
    };
    const first = workOn(queue, work);
    const sid = newCallSid();
    await queue.addCall(sid);
    await runs.count(1);
    const raw = connectRedis(redis.url, 'subscriber', silentLogger);
    await empty(raw);
    workers.push(workOn(other, work));
    await doubts.count(1);
    assert.deepEqual(doubts.items, [[sid]]);
    await first.abandon();
    await runs.count(2);
    assert.deepEqual(runs.items.at(-1), [sid, 1]);
    raw.disconnect();
  });

  it('takes no more calls than there is room for, and drops one that waits', async () => {
    const [running, waiting] = [newCallSid(), newCallSid()];
    const runs = heard<CallSid>();
    let end: () => void = () => undefined;
    const work = {
      concurrency: 1,
      run(call: CallSid): Promise<void> {
        runs.tell(call);
        return new Promise((resolve) => {
          end = resolve;
        });
      },
      onDoubt: () => undefined,
    };
    const worker = workOn(queue, work);
    workers.push(worker);
    await queue.addCall(running);
    await runs.count(1);
    await queue.addCall(waiting);
    assert.equal(await queue.waiting(), 1);
    await queue.dropCall(waiting);
    await queue.dropCall(running);
    assert.equal(await queue.waiting(), 0);
    const closed = worker.close();
    end();
    await closed;
    assert.deepEqual(runs.items, [running]);
  });
});

describe('room for calls', () => {
  /** Runs every call until the test is over. */
  const forEver = (runs: { readonly tell: (sid: CallSid) => void }) => ({
    concurrency: 10,
    run(sid: CallSid): Promise<void> {
      runs.tell(sid);
      return never;
    },
    onDoubt: () => undefined,
  });

  it('that grows is used at once, without a call having to end first', async () => {
    const runs = heard<CallSid>();
    const worker = workOn(queue, forEver(runs));
    workers.push(worker);
    worker.limit(1);
    for (let call = 0; call < 5; call += 1) await queue.addCall(newCallSid());
    await runs.count(1);
    assert.equal(await queue.waiting(), 4);
    worker.limit(3);
    await runs.count(3);
    worker.limit(0);
    worker.limit(4);
    await runs.count(4);
    assert.equal(await queue.waiting(), 1);
  });

  it('that is none is room for a call whose owner died all the same', async () => {
    const [dying, living] = [heard<CallSid>(), heard<CallSid>()];
    const full = workOn(other, forEver(living));
    workers.push(full);
    full.limit(1);
    await queue.addCall(newCallSid());
    await living.count(1);
    const first = workOn(queue, forEver(dying));
    first.limit(1);
    const [orphan, waiting] = [newCallSid(), newCallSid()];
    await queue.addCall(orphan);
    await dying.count(1);
    await queue.addCall(waiting);
    await first.abandon();
    await living.count(2);
    assert.deepEqual([living.items[1], dying.items], [orphan, [orphan]]);
    assert.equal(await queue.waiting(), 1, 'and no other');
  });
});

describe('bells', () => {
  it('are heard in order by their listener only', async () => {
    const owner = 'host-1-2-abc' as OwnerId;
    const gateway = 'gw-127.0.0.1-5060' as GatewayId;
    const [asked, told, held] = [heard<CallSid>(), heard<CallSid>(), heard<CallSid>()];
    const sids = Array.from({ length: 20 }, newCallSid);
    for (const sid of sids) await other.ringOwner(owner, sid);
    for (const sid of sids) await other.signal(owner, sid);
    workers.push(queue.hearBell(owner, asked.tell), queue.hearSignals(owner, told.tell));
    workers.push(queue.hearSignals(gateway, held.tell));
    const [last] = sids;
    assert.ok(last);
    await other.signal(gateway, last);
    await Promise.all([asked.count(20), told.count(20), held.count(1)]);
    assert.deepEqual(asked.items, sids);
    assert.deepEqual(told.items, sids);
    assert.deepEqual(held.items, [last]);
  });

  it('leave what is signalled after the end of one listener to the next', async () => {
    const gateway = 'gw-127.0.0.1-5061' as GatewayId;
    const sids = Array.from({ length: 40 }, newCallSid);
    const [first, next] = [heard<CallSid>(), heard<CallSid>()];
    const going = queue.hearSignals(gateway, first.tell);
    const signalling = (async () => {
      for (const sid of sids) await other.signal(gateway, sid);
    })();
    await first.count(10);
    await going.close();
    workers.push(queue.hearSignals(gateway, next.tell));
    await signalling;
    await next.count(sids.length - first.items.length);
    assert.deepEqual([...first.items, ...next.items], sids, 'each was heard once, in order');
  });

  it('that nobody hears are kept for an hour, so many at most', async () => {
    const gateway = 'gw-never-there' as GatewayId;
    const raw = connectRedis(redis.url, 'commands', silentLogger);
    await untilReady(raw, systemClock, 5000);
    const [key, sid] = ['{pivot}:rings:gw-never-there', newCallSid()];
    await raw.rpush(key, ...Array.from({ length: 10_000 }, () => sid));
    const last = newCallSid();
    await other.signal(gateway, last);
    assert.deepEqual([await raw.llen(key), await raw.lindex(key, -1)], [10_000, last]);
    const keptMs = await raw.pttl(key);
    assert.ok(keptMs > 3_500_000 && keptMs <= 3_600_000, `${keptMs} ms`);
    await raw.del(key);
    raw.disconnect();
  });

  it('of an owner that is gone leave nothing behind', async () => {
    const owner = 'gone-1' as OwnerId;
    await other.ringOwner(owner, newCallSid());
    await other.signal(owner, newCallSid());
    await queue.removeBell(owner);
    const raw = connectRedis(redis.url, 'subscriber', silentLogger);
    assert.deepEqual(await keysOf(raw, '*gone-1*'), []);
    raw.disconnect();
  });
});

describe('owed callbacks', () => {
  it('are tried again when they fail', async () => {
    const sid = newCallSid();
    const tries = heard<CallSid>();
    const deliver = async (call: CallSid): Promise<void> => {
      tries.tell(call);
      if (tries.items.length === 1) throw new Error('not yet');
    };
    workers.push(queue.workCallbacks(2, deliver));
    await other.addCallbacks(sid);
    await tries.count(2);
    assert.deepEqual(tries.items, [sid, sid]);
  });
});

describe('a Redis that is away', () => {
  it('fails what is asked at once, and work goes on when it is back', async () => {
    const runs = heard<CallSid>();
    const run = async (call: CallSid): Promise<void> => runs.tell(call);
    workers.push(workOn(queue, { concurrency: 5, run, onDoubt: () => undefined }));
    await redis.down();
    await assert.rejects(other.addCall(newCallSid()), RedisUnavailable);
    await assert.rejects(other.ringOwner('nobody-yet' as OwnerId, newCallSid()), RedisUnavailable);
    const [late, early] = ['late' as OwnerId, newCallSid()];
    const gateway = 'gw-127.0.0.1-5062' as GatewayId;
    await assert.rejects(other.ringOwner(late, early), RedisUnavailable);
    await assert.rejects(other.signal(gateway, early), RedisUnavailable);
    await redis.up();
    const [rings, signals] = [heard<CallSid>(), heard<CallSid>()];
    workers.push(queue.hearBell(late, rings.tell), queue.hearSignals(gateway, signals.tell));
    await Promise.all([rings.count(1), signals.count(1)]);
    assert.deepEqual([...rings.items, ...signals.items], [early, early], 'what found Redis away rings when it is back');
    const sid = newCallSid();
    while (
      !(await other.addCall(sid).then(
        () => true,
        () => false,
      ))
    )
      await new Promise((resolve) => setTimeout(resolve, 20));
    await runs.count(1);
    assert.deepEqual(runs.items, [sid]);
    await other.ringOwner('nobody-yet' as OwnerId, sid);
  });
});
