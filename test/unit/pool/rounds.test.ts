/** Each box is looked into once in fifteen seconds, a part of them at a time, and all within one when there is haste. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type CallSid, newCallSid } from '../../../shared/kernel/ids.ts';
import { Rounds } from '../../../worker/pool/rounds.ts';
import { ManualClock } from '../../support/clock.ts';

const CALLS = 300;

function openRounds() {
  const clock = new ManualClock();
  const looks = new Map<CallSid, number>(Array.from({ length: CALLS }, () => [newCallSid(), 0]));
  const calls = new Map(
    [...looks.keys()].map((sid) => [sid, { ring: () => void looks.set(sid, (looks.get(sid) ?? 0) + 1) }]),
  );
  const rounds = new Rounds(clock, calls);
  const total = (): number => [...looks.values()].reduce((sum, count) => sum + count, 0);
  return { clock, looks, rounds, total };
}

describe('the rounds of a pool', () => {
  it('look into each box once in fifteen seconds, never into many at once', () => {
    const { clock, looks, total } = openRounds();
    for (let second = 0, before = 0; second < 15; second++, before = total()) {
      clock.advance(1000);
      assert.ok(total() - before < CALLS / 4, `${total() - before} at once`);
    }
    assert.deepEqual(new Set(looks.values()), new Set([1]));
  });

  it('look into all within a second in haste, and go on as before', () => {
    const { clock, looks, rounds, total } = openRounds();
    clock.advance(4500);
    const before = new Map(looks);
    rounds.hurry();
    clock.advance(1000);
    for (const [sid, count] of looks) assert.equal(count, (before.get(sid) ?? 0) + 1);
    const after = total();
    clock.advance(15_000);
    assert.equal(total(), after + CALLS);
  });

  it('end with their pool, hurried or not', () => {
    const { clock, rounds, total } = openRounds();
    rounds.close();
    rounds.hurry();
    clock.advance(60_000);
    assert.deepEqual([total(), clock.pending], [0, 0]);
  });
});
