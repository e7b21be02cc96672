/** Relief of threads that have more calls than they can do: the machine, and threads of a model that use it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { OwnerId } from '../../../shared/kernel/ids.ts';
import type { OwnerState } from '../../../shared/store/store.ts';
import { type Admission, type AdmissionBounds, limitOf, next, startsOpen } from '../../../worker/pool/admission.ts';
import { fine, type Relief, relieve, shareOfRoom } from '../../../worker/pool/relief.ts';

const bounds: AdmissionBounds = { most: 1000, busyLimit: 0.65 };
const open: Admission = { ...startsOpen(bounds), calls: 300 };
const full: Admission = { ...open, kind: 'full', room: 0 };

function after(looks: number, admission: Admission, from: Relief = fine): Relief {
  let relief = from;
  for (let look = 0; look < looks; look++) relief = relieve(relief, admission, bounds);
  return relief;
}

describe('relief', () => {
  it('comes when it was overloaded for three seconds, not for a stall', () => {
    assert.equal(after(5, { ...full, busy: 1 }).excess, 0);
    assert.equal(after(6, { ...full, busy: 1 }).excess, 105);
    const interrupted = after(
      5,
      { ...full, busy: 1 },
      after(1, { ...full, busy: 0.7 }, after(5, { ...full, busy: 1 })),
    );
    assert.equal(interrupted.excess, 0);
  });

  it('comes for a thread that takes no more because of their number', () => {
    assert.equal(after(6, { ...open, busy: 1 }).kind, 'relieving');
  });

  it('does not come because no more is taken, nor because beats are late while there is time left', () => {
    assert.deepEqual(after(50, { ...full, busy: 0.8 }), fine);
    assert.deepEqual(after(50, { ...full, busy: 0.5, lateMs: 100 }), fine);
    assert.deepEqual(after(50, { ...full, calls: 7, busy: 1 }), fine);
  });

  it('goes on until the thread is within its limit', () => {
    const begun = after(6, { ...full, busy: 1 });
    assert.deepEqual(after(1, { ...full, calls: 220, busy: 0.75 }, begun).excess, 30);
    assert.deepEqual(after(1, { ...full, calls: 190, busy: 0.65 }, begun), fine);
    assert.deepEqual(
      after(1, { ...full, calls: 7, busy: 1 }, begun),
      fine,
      'so few calls are not what it is busy with',
    );
  });
});

describe('the share of the room', () => {
  const state = (own: Partial<OwnerState>): OwnerState => ({ calls: 0, capacity: 400, draining: false, ...own });
  const owners = (...states: readonly Partial<OwnerState>[]): (OwnerState & { readonly owner: OwnerId })[] =>
    states.map((own, index) => ({ ...state(own), owner: `owner-${index}` as OwnerId }));
  const own = 'owner-0' as OwnerId;

  it('is what others measure, or else their number; never our own, nor of one that leaves', () => {
    assert.equal(
      shareOfRoom(owners({ room: 50 }, { room: 30 }, { calls: 390 }, { room: 90, draining: true }), own),
      40,
    );
    assert.equal(shareOfRoom(owners({}), own), 0);
  });

  it('is divided by those who may look for some too', () => {
    assert.equal(shareOfRoom(owners({ full: true }, { room: 31 }, { full: true, room: 0 }), own), 15);
  });
});

describe('threads that relieve each other', () => {
  const COSTS = 0.0015;
  const AT_ONCE = 8;

  /** Threads as they are after so many looks of half a second, and how many calls were moved. */
  function run(calls: readonly number[], looks: number): { readonly calls: readonly number[]; readonly moved: number } {
    const threads = calls.map((count) => ({ calls: count, admission: startsOpen(bounds), relief: fine }));
    let moved = 0;
    for (let look = 0; look < looks; look++) {
      // What others know of each is as it was at the last look.
      const owners = threads.map(({ calls, admission }, index) => ({
        owner: `owner-${index}` as OwnerId,
        ...{ calls, capacity: bounds.most, draining: false, full: admission.kind === 'full', room: admission.room },
      }));
      for (const [index, thread] of threads.entries()) {
        const busy = Math.min(1, thread.calls * COSTS);
        thread.admission = next(
          thread.admission,
          { busy, lateMs: busy > 0.9 ? 20 : 1, worstMs: 5 },
          thread.calls,
          bounds,
        );
        thread.relief = relieve(thread.relief, thread.admission, bounds);
        const moves = Math.min(thread.relief.excess, AT_ONCE, shareOfRoom(owners, `owner-${index}` as OwnerId));
        for (let move = 0; move < moves; move++) {
          const taker = threads.find((other) => limitOf(other.admission, other.calls, bounds) > other.calls);
          if (!taker || taker === thread) break;
          taker.calls += 1;
          thread.calls -= 1;
          moved += 1;
        }
      }
    }
    return { calls: threads.map(({ calls }) => calls), moved };
  }

  it('are all within their limits when there is room for all, and each call was moved once at most', () => {
    const { calls, moved } = run([700, 50, 100], 200);
    assert.ok(
      calls.every((count) => count * COSTS <= 0.7),
      `${calls}`,
    );
    assert.ok(moved >= 233 && moved <= 300, `${moved} moved`);
  });

  it('move nothing when there is no room, and no more once they are within their limits', () => {
    assert.equal(run([700, 440, 440], 200).moved, 0);
    const settled = run([700, 50], 200);
    assert.equal(run(settled.calls, 200).moved, 0);
  });
});
