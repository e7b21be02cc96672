/** A letter that nobody reads is rung for again, after the call's end too; one that was read is not. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type CallSid, FIRST_LEG, type GatewayId } from '../../../shared/kernel/ids.ts';
import { silentLogger } from '../../../shared/kernel/log.ts';
import { RedisUnavailable } from '../../../shared/store/redis.ts';
import { GatewayBells } from '../../../worker/pool/gateway-bells.ts';
import { ManualClock } from '../../support/clock.ts';

const sid = `CA${'0'.repeat(32)}` as CallSid;
const gateway = 'gw-127.0.0.1-5060' as GatewayId;
const letter = { id: 1, letter: { kind: 'hangup', leg: FIRST_LEG } } as const;

/** A gateway that reads nothing, and a Redis that may be away. */
function openBells() {
  const clock = new ManualClock();
  const world = { rings: 0, looks: 0, unread: true, away: false, onLook: () => {} };
  const bells = new GatewayBells({
    clock,
    log: silentLogger,
    queue: {
      signal: async () => {
        world.rings += 1;
        if (world.away) throw new RedisUnavailable(new Error('away'));
      },
    },
    mailbox: {
      readForGateway: async () => {
        world.looks += 1;
        if (world.away) throw new RedisUnavailable(new Error('away'));
        const letters = world.unread ? [letter] : [];
        world.onLook();
        return letters;
      },
    },
  });
  /** Second by second, so that what is looked up is there before time goes on. */
  const pass = async (seconds: number): Promise<void> => {
    for (let second = 0; second < seconds; second++) {
      clock.advance(1000);
      await new Promise(setImmediate);
    }
  };
  return { bells, world, clock, pass };
}

describe('the bells of gateways', () => {
  it('ring once for a letter that is read', async () => {
    const { bells, world, clock, pass } = openBells();
    bells.ring(sid, gateway);
    world.unread = false;
    await pass(10);
    assert.deepEqual([world.rings, world.looks, clock.pending], [1, 1, 0]);
  });

  it('ring every two seconds for one that is not, as long as the call is up', async () => {
    const { bells, world, pass } = openBells();
    bells.ring(sid, gateway);
    await pass(200);
    assert.equal(world.rings, 101);
    world.unread = false;
    await pass(2);
    assert.equal(world.rings, 101);
  });

  it('ring for the last letter of a call that is over, for a minute', async () => {
    const { bells, world, clock, pass } = openBells();
    bells.ring(sid, gateway);
    bells.over(sid);
    await pass(4);
    assert.equal(world.rings, 3, 'the first ring may have been lost');
    await pass(200);
    assert.deepEqual([world.rings, clock.pending], [30, 0]);
  });

  it('go on when Redis was away for the ring and for the look', async () => {
    const { bells, world, clock, pass } = openBells();
    world.away = true;
    bells.ring(sid, gateway);
    bells.over(sid);
    await pass(5);
    world.away = false;
    await pass(2);
    world.unread = false;
    await pass(4);
    assert.deepEqual([world.rings, clock.pending], [4, 0]);
  });

  it('see a letter that comes while the box is looked into', async () => {
    const { bells, world, clock, pass } = openBells();
    bells.ring(sid, gateway);
    world.unread = false;
    world.onLook = () => {
      world.onLook = () => {};
      world.unread = true;
      bells.ring(sid, gateway);
    };
    await pass(3);
    assert.equal(world.rings, 2);
    await pass(2);
    assert.equal(world.rings, 3, 'the second letter is watched as the first was');
    world.unread = false;
    await pass(4);
    assert.equal(clock.pending, 0);
  });

  it('are silent for a call that another owner has, and when they are closed', async () => {
    const { bells, world, clock, pass } = openBells();
    bells.ring(sid, gateway);
    bells.forget(sid);
    await pass(5);
    assert.deepEqual([world.rings, clock.pending], [1, 0]);
    bells.ring(sid, gateway);
    bells.close();
    bells.ring(sid, gateway);
    await pass(5);
    assert.deepEqual([world.rings, clock.pending], [2, 0]);
  });
});
