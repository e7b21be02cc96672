/** Whether a thread lives: by the questions it leaves unanswered, not by the time that passed. */
import assert from 'node:assert/strict';
import { beforeEach, it } from 'node:test';
import { PULSE_EVERY_MS, Pulse } from '../../../worker/thread-pulse.ts';
import { ManualClock } from '../../support/clock.ts';

let clock: ManualClock;
let asked: number;
let silent: number;
let pulse: Pulse;
beforeEach(() => {
  clock = new ManualClock();
  [asked, silent] = [0, 0];
  pulse = new Pulse({ clock, ask: () => asked++, onSilent: () => silent++ });
});

it('is told once when ten questions in a row were not answered', () => {
  clock.advance(10 * PULSE_EVERY_MS);
  assert.deepEqual([asked, silent], [10, 0]);
  clock.advance(10 * PULSE_EVERY_MS);
  assert.deepEqual([asked, silent, clock.pending], [10, 1, 0]);
});

it('begins to count anew with each answer', () => {
  for (let round = 0; round < 5; round++) {
    clock.advance(9 * PULSE_EVERY_MS);
    pulse.answered();
  }
  assert.equal(silent, 0);
});

it('leaves no timer when it is closed', () => {
  clock.advance(3 * PULSE_EVERY_MS);
  pulse.close();
  assert.equal(clock.pending, 0);
});
