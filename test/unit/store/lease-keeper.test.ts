/** What a keeper says to Redis, and when: what was not heard again, and after a doubt a question for each call. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { newCallSid, type OwnerId } from '../../../shared/kernel/ids.ts';
import { silentLogger } from '../../../shared/kernel/log.ts';
import { LeaseKeeper, type LeaseKeeperOptions } from '../../../shared/store/lease-keeper.ts';
import { type HeldCall, RENEW_EVERY_MS, type Reclaimed } from '../../../shared/store/leases.ts';
import { RedisUnavailable } from '../../../shared/store/redis.ts';
import { ManualClock } from '../../support/clock.ts';

/** Everything that waits for an answer has it. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function aKeeper() {
  const clock = new ManualClock();
  const redis = {
    isAway: false,
    isKnown: true,
    takes: ['held'] as ('held' | 'lost' | 'unknown')[],
    reclaims: (_call: HeldCall): Reclaimed[] => [],
    held: [] as HeldCall[],
  };
  const said: string[] = [];
  const swept: number[] = [];
  let reconnected: () => void = () => undefined;
  const say = async <T>(what: string, answer: () => T): Promise<T> => {
    if (redis.isAway) throw new RedisUnavailable(new Error('away'));
    said.push(what);
    return answer();
  };
  const leases: LeaseKeeperOptions['leases'] = {
    renew: () =>
      say('renew', () => {
        const wasKnown = redis.isKnown;
        redis.isKnown = true;
        return wasKnown;
      }),
    take: (_owner, { take }) =>
      say(`take ${take}`, () => (redis.takes.length > 1 ? redis.takes.shift() : redis.takes[0]) ?? 'lost'),
    letGo: (_owner, calls) => say(calls.map(({ call, how }) => `${how} ${call.take}`).join(', '), () => undefined),
    reclaim: (_owner, calls) =>
      say(`reclaim ${calls.map(({ take }) => take).join(' ')}`, () => calls.flatMap((call) => redis.reclaims(call))),
    held: async () => {
      if (redis.isAway) throw new RedisUnavailable(new Error('away'));
      return redis.held;
    },
    handOver: () => say('hand over', () => 0),
    sweep: async (sweepingMs) => void swept.push(sweepingMs),
    onReconnect: (tell) => {
      reconnected = tell;
      return () => {
        reconnected = () => undefined;
      };
    },
  };
  const doubts: unknown[] = [];
  const renewed: unknown[] = [];
  const keeper = new LeaseKeeper({
    owner: 'me' as OwnerId,
    leases,
    clock,
    log: silentLogger,
    onDoubt: (sids) => doubts.push(...sids),
    onRenewed: (askedAt, lost) => renewed.push([askedAt, ...lost]),
  });
  const round = async (): Promise<readonly string[]> => {
    const before = said.length;
    clock.advance(RENEW_EVERY_MS);
    await settled();
    return said.slice(before).toSorted();
  };
  return { clock, redis, keeper, said, swept, doubts, renewed, round, reconnect: () => reconnected() };
}

it('renews one lease, however many calls it has, and sweeps', async () => {
  const { keeper, round, renewed, clock, swept } = aKeeper();
  for (let call = 0; call < 3; call += 1) await keeper.take(newCallSid(), 'token');
  assert.deepEqual([await round(), await round()], [['renew'], ['renew']]);
  assert.deepEqual(renewed, [[clock.now() - RENEW_EVERY_MS], [clock.now()]]);
  assert.deepEqual(swept, [0, RENEW_EVERY_MS, 2 * RENEW_EVERY_MS], 'for so long it has been there to ask');
  keeper.stop();
  assert.equal(clock.pending, 0);
});

it('says again what Redis was not there to hear: a call that is over must not stay', async () => {
  const { keeper, redis, round } = aKeeper();
  const [one, two] = [await keeper.take(newCallSid(), 'token'), await keeper.take(newCallSid(), 'token')];
  assert.ok(one && two);
  redis.isAway = true;
  await keeper.letGo(one, 'over');
  await keeper.letGo(two, 'released');
  assert.deepEqual(await round(), []);
  redis.isAway = false;
  assert.deepEqual(await round(), ['over 1, released 2', 'renew']);
  assert.deepEqual(await round(), ['renew']);
});

it('asks for each call when its lease was gone, or when Redis may be another server, until it has an answer', async () => {
  const { keeper, redis, round, reconnect, doubts, renewed } = aKeeper();
  const [kept, lost] = [newCallSid(), newCallSid()];
  await keeper.take(kept, 'token');
  const gone = await keeper.take(lost, 'token');
  assert.ok(gone);
  redis.isKnown = false;
  redis.reclaims = (call) => [{ call, isLost: call.sid === lost }];
  assert.deepEqual(await round(), ['reclaim 1 2', 'renew']);
  assert.deepEqual([doubts, renewed.flat().slice(1)], [[kept], [lost]]);
  assert.deepEqual(await round(), ['renew']);
  await keeper.letGo(gone, 'over');
  assert.deepEqual(await round(), ['renew'], 'what it has lost is not its to end');
  reconnect();
  redis.isAway = true;
  assert.deepEqual(await round(), []);
  redis.isAway = false;
  assert.deepEqual(await round(), ['reclaim 1', 'renew']);
});

it('gives back what it let go of while it asked for it: another is to go on with it', async () => {
  const { keeper, redis, round, said } = aKeeper();
  const call = await keeper.take(newCallSid(), 'token');
  assert.ok(call);
  redis.isKnown = false;
  redis.reclaims = () => {
    // Redis may have been told before it made the call again for us.
    void keeper.letGo(call, 'released');
    return [{ call, isLost: false }];
  };
  await round();
  assert.deepEqual(said, ['take 1', 'renew', 'reclaim 1', 'released 1']);
  assert.deepEqual(await round(), ['released 1', 'renew']);
});

it('gives back what only Redis thinks it holds, but nothing that it is taking', async () => {
  const { keeper, redis, round, reconnect, said } = aKeeper();
  const [kept, taking, stray] = [newCallSid(), newCallSid(), newCallSid()];
  await keeper.take(kept, 'token');
  reconnect();
  redis.held = [
    { sid: kept, take: 1 },
    { sid: taking, take: 2 },
    { sid: stray, take: 3 },
  ];
  redis.reclaims = () => {
    void keeper.take(taking, 'token');
    return [];
  };
  await round();
  assert.deepEqual(said, ['take 1', 'renew', 'reclaim 1', 'take 2', 'released 3']);
  assert.deepEqual(await round(), ['renew'], 'there is no doubt any more');
});

it('takes a call once it has a lease, and none that is another', async () => {
  const { keeper, redis, said } = aKeeper();
  redis.takes = ['unknown', 'held', 'lost'];
  assert.equal((await keeper.take(newCallSid(), 'token'))?.take, 1);
  assert.equal(await keeper.take(newCallSid(), 'token'), null);
  assert.deepEqual(said, ['take 1', 'renew', 'take 1', 'take 2']);
});

it('says nothing more when it was stopped, as if its owner had died, and gives back what is left when it leaves', async () => {
  const [dead, leaver] = [aKeeper(), aKeeper()];
  for (const { keeper } of [dead, leaver]) {
    const call = await keeper.take(newCallSid(), 'token');
    assert.ok(call);
    if (keeper === dead.keeper) keeper.stop();
    else await keeper.leave();
    await keeper.letGo(call, 'over');
  }
  assert.deepEqual([dead.said, leaver.said], [['take 1'], ['take 1', 'hand over']]);
});
