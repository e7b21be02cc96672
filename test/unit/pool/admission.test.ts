/** Admission by measured load: the machine that says whether a thread takes another call. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Admission,
  type AdmissionBounds,
  limitOf,
  next,
  orphanLimitOf,
  startsOpen,
  type Vitals,
} from '../../../worker/pool/admission.ts';

const bounds: AdmissionBounds = { most: 400, busyLimit: 0.9 };
const calm: Vitals = { busy: 0.3, lateMs: 0.5, worstMs: 5 };

/** The same look so many times. */
function after(times: number, seen: Partial<Vitals>, calls: number, from = startsOpen(bounds)): Admission {
  let admission = from;
  for (let time = 0; time < times; time += 1) admission = next(admission, { ...calm, ...seen }, calls, bounds);
  return admission;
}

describe('admission by measured load', () => {
  it('starts open, and takes no more between two looks than the next one can judge', () => {
    const fresh = startsOpen(bounds);
    assert.deepEqual([fresh.kind, fresh.room, limitOf(fresh, 0, bounds)], ['open', 333, 40]);
  });

  it('tells from the cost of the calls that run how many more there is time for', () => {
    const half = after(20, { busy: 0.45 }, 100);
    assert.deepEqual([half.kind, half.room], ['open', 100]);
    assert.equal(limitOf(half, 100, bounds), 140);
    const nearly = after(20, { busy: 0.88 }, 100);
    assert.deepEqual([nearly.kind, nearly.room, limitOf(nearly, 100, bounds)], ['open', 2, 102]);
  });

  it('is full after it was too busy for a moment, and not for a spike', () => {
    assert.equal(after(1, { busy: 1 }, 100, after(20, {}, 100)).kind, 'open');
    const full = after(10, { busy: 1 }, 100, after(20, {}, 100));
    assert.deepEqual([full.kind, full.room, limitOf(full, 100, bounds)], ['full', 0, 0]);
  });

  it('is full when its beats come late, however busy it is', () => {
    assert.equal(after(6, { lateMs: 30 }, 100).kind, 'full');
    assert.equal(after(3, { worstMs: 80 }, 100).kind, 'full');
    assert.equal(after(2, { worstMs: 80 }, 100).kind, 'open');
  });

  it('opens again when it was calm for a while, not as soon as it is a little less busy', () => {
    const full = after(10, { busy: 1 }, 100);
    assert.equal(after(50, { busy: 0.85 }, 100, full).kind, 'full');
    assert.equal(after(50, { worstMs: 45 }, 80, full).kind, 'full');
    assert.equal(after(5, {}, 50, full).kind, 'full');
    const again = after(20, {}, 50, full);
    assert.deepEqual([again.kind, again.room > 0], ['open', true]);
  });

  it('refuses nothing for the load of others: with hardly any calls it always takes one', () => {
    const loaded = after(20, { busy: 1, lateMs: 200, worstMs: 500 }, 3);
    assert.deepEqual([loaded.kind, loaded.room, limitOf(loaded, 3, bounds)], ['open', 1, 4]);
    assert.equal(after(1, { busy: 1 }, 7, after(10, { busy: 1 }, 100)).kind, 'open');
  });

  it('takes calls that were up beyond the limit for new ones, but not more than it can do', () => {
    const low: AdmissionBounds = { most: 1000, busyLimit: 0.65 };
    assert.equal(orphanLimitOf(startsOpen(low), low), 283);
    const steady = after(30, { busy: 0.6 }, 400);
    assert.equal(orphanLimitOf(steady, low), 566);
    assert.equal(orphanLimitOf(steady, bounds), 400, 'never more than the most');
    assert.equal(orphanLimitOf(after(30, { busy: 0.6 }, 300), { ...bounds, most: 1000 }), 450, 'or up to BUSY_LIMIT');
  });

  it('does not take what their set-up costs for what they cost', () => {
    const low: AdmissionBounds = { most: 1000, busyLimit: 0.65 };
    let admission = after(30, { busy: 0.3 }, 200);
    for (let calls = 233; calls <= 400; calls += 33) admission = next(admission, { ...calm, busy: 0.95 }, calls, low);
    assert.equal(orphanLimitOf(admission, low), 566);
    assert.equal(orphanLimitOf(after(10, { busy: 0.9 }, 5), low), 283, 'nor what the machine does besides');
  });

  it('is never full because of the count alone: those that wait then wait as they always did', () => {
    const all = after(20, { busy: 0.4 }, 400);
    assert.deepEqual([all.kind, all.room, limitOf(all, 400, bounds)], ['open', 0, 400]);
  });

  it('holds its calls near the limit when as many come as it takes', () => {
    const costs = 0.006;
    let calls = 0;
    let admission = startsOpen(bounds);
    let worst = 0;
    let isFull = false;
    for (let look = 0; look < 120; look += 1) {
      calls = Math.max(calls, limitOf(admission, calls, bounds));
      const busy = Math.min(1, calls * costs);
      worst = Math.max(worst, busy);
      admission = next(admission, { busy, lateMs: busy * 2, worstMs: busy * 20 }, calls, bounds);
      isFull ||= admission.kind === 'full';
    }
    assert.ok(isFull && calls >= 140 && calls <= 155, `${calls} calls`);
    assert.ok(worst <= 0.93, `busy ${worst}`);
  });
});
