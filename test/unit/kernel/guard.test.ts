/** What the parts of a call throw when they are called back is told to it, and goes no further. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { pause } from '../../../shared/kernel/deadline.ts';
import { guard, throwLater } from '../../../shared/kernel/guard.ts';
import { ManualClock } from '../../support/clock.ts';

it('a timer that throws is told, and the timers of others fire', () => {
  const clock = new ManualClock();
  const told: unknown[] = [];
  const bug = new Error('a bug');
  const guarded = guard(clock, (error) => told.push(error));
  let others = 0;
  guarded.clock.after(10, () => {
    throw bug;
  });
  clock.after(10, () => others++);
  clock.advance(10);
  assert.deepEqual([told, others], [[bug], 1]);
});

it('a guarded clock is the clock: its time, and timers that can be cancelled', async () => {
  const clock = new ManualClock();
  const guarded = guard(clock, (error) => assert.ifError(error));
  clock.advance(5);
  assert.deepEqual([guarded.clock.now(), guarded.clock.monotonic()], [clock.now(), clock.monotonic()]);
  guarded.clock.after(10, assert.fail).cancel();
  assert.equal(clock.pending, 0);
  const waited = pause(guarded.clock, 10);
  clock.advance(10);
  await waited;
});

it('what work nobody waits for fails with is told', async () => {
  const clock = new ManualClock();
  const told: unknown[] = [];
  const bug = new Error('a bug behind a promise');
  await Promise.reject(bug).catch(throwLater(guard(clock, (error) => told.push(error)).clock));
  assert.deepEqual(told, []);
  clock.advance(0);
  assert.deepEqual(told, [bug]);
});
