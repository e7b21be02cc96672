import assert from 'node:assert/strict';
import test from 'node:test';
import type { Timer } from '../../../shared/kernel/clock.ts';
import { Metronome } from '../../../worker/media/metronome.ts';
import { ManualClock } from '../../support/clock.ts';

const never = (error: unknown): void => assert.fail(String(error));

function setUp(phases = 4) {
  const clock = new ManualClock();
  const metronome = new Metronome({ clock, phases, report: never });
  const start = clock.monotonic();
  return { clock, metronome, elapsed: () => clock.monotonic() - start };
}

/** The event loop may stand still: time passes and the timers that fall due fire after it. */
class StallingClock extends ManualClock {
  #stalledMs = 0;
  override monotonic(): number {
    return super.monotonic() + this.#stalledMs;
  }
  stall(ms: number): void {
    this.#stalledMs += ms;
  }
}

test('beats every 20 ms, neither more nor fewer', () => {
  const { clock, metronome, elapsed } = setUp();
  const at: number[] = [];
  metronome.join({ beat: () => at.push(elapsed()) });
  clock.advance(10_000);
  assert.equal(at.length, 500);
  for (const [index, ms] of at.entries()) assert.equal(ms, (at[0] ?? 0) + index * 20);
});

test('listeners are spread evenly over the phases', () => {
  const { clock, metronome, elapsed } = setUp(4);
  const perPhase = new Map<number, number>();
  for (let n = 0; n < 8; n++) {
    metronome.join({ beat: () => perPhase.set(elapsed() % 20, (perPhase.get(elapsed() % 20) ?? 0) + 1) });
  }
  clock.advance(20);
  clock.advance(200);
  const counts = [...perPhase.values()];
  assert.equal(perPhase.size, 4);
  assert.ok(Math.max(...counts) - Math.min(...counts) <= 2, counts.join());
});

test('a late timer is followed by every beat it missed', () => {
  const clock = new StallingClock();
  const metronome = new Metronome({ clock, phases: 4, report: never });
  let beats = 0;
  metronome.join({ beat: () => beats++, skipped: () => assert.fail('nothing is skipped within a second') });
  clock.advance(100);
  const before = beats;
  clock.stall(600);
  clock.advance(20);
  assert.ok(beats - before >= 30 && beats - before <= 32, String(beats - before));
  clock.advance(280);
  assert.ok(Math.abs(beats - 50) <= 1, String(beats));
  const lateness = metronome.takeLateness();
  assert.ok(lateness.maxMs > 595 && lateness.maxMs <= 600, String(lateness.maxMs));
  assert.equal(lateness.skipped, 0);
  assert.equal(metronome.takeLateness().maxMs, 0);
});

test('more than a second behind: the count jumps, and beats plus skipped still tell the time', () => {
  const clock = new StallingClock();
  const metronome = new Metronome({ clock, phases: 4, report: never });
  const counts = Array.from({ length: 4 }, () => ({ beats: 0, skipped: 0 }));
  for (const count of counts) {
    metronome.join({ beat: () => count.beats++, skipped: (beats) => (count.skipped += beats) });
  }
  clock.advance(100);
  clock.stall(5000);
  clock.advance(900);
  for (const { beats, skipped } of counts) {
    assert.ok(skipped >= 248 && skipped <= 250, `skipped ${skipped}`);
    assert.ok(Math.abs(beats + skipped - 300) <= 1, `${beats} + ${skipped}`);
  }
  assert.equal(
    metronome.takeLateness().skipped,
    counts.reduce((sum, { skipped }) => sum + skipped, 0),
  );
});

test('who joins during a catch-up is not given beats from before it came', () => {
  const clock = new StallingClock();
  const metronome = new Metronome({ clock, phases: 4, report: never });
  let late = 0;
  let joined = false;
  metronome.join({
    beat() {
      if (joined || clock.monotonic() < 1_700_000_000_400) return;
      joined = true;
      metronome.join({ beat: () => late++ });
    },
  });
  clock.advance(100);
  clock.stall(500);
  clock.advance(20);
  assert.ok(joined, 'the second has joined');
  assert.ok(late <= 1, String(late));
  clock.advance(80);
  assert.ok(late >= 4 && late <= 5, String(late));
});

test('a listener that throws is removed and reported; the others in its phase go on', () => {
  const clock = new ManualClock();
  const reported: unknown[] = [];
  const metronome = new Metronome({ clock, phases: 1, report: (error) => reported.push(error) });
  const broken = new Error('broken listener');
  const failed: unknown[] = [];
  let beats = 0;
  metronome.join({
    beat() {
      throw broken;
    },
    failed: (error) => failed.push(error),
  });
  metronome.join({ beat: () => beats++ });
  clock.advance(100);
  assert.deepEqual([reported, failed], [[broken], [broken]]);
  assert.equal(metronome.listeners, 1);
  assert.ok(beats >= 4, `${beats} beats`);
});

test('a listener that throws once more when it is told so is reported, and the others go on', () => {
  const clock = new ManualClock();
  const reported: unknown[] = [];
  const metronome = new Metronome({ clock, phases: 1, report: (error) => reported.push(error) });
  const [broken, again] = [new Error('broken listener'), new Error('broken when told')];
  let beats = 0;
  metronome.join({
    beat() {
      throw broken;
    },
    failed() {
      throw again;
    },
  });
  metronome.join({ beat: () => beats++ });
  clock.advance(100);
  assert.deepEqual(reported, [broken, again]);
  assert.ok(beats >= 4, `${beats} beats`);
});

test('no listener, no timer; closing leaves none behind', () => {
  const { clock, metronome } = setUp();
  assert.equal(clock.pending, 0);
  const leave = metronome.join({ beat() {} });
  assert.equal(clock.pending, 1);
  leave();
  leave();
  assert.equal(clock.pending, 0);
  let beats = 0;
  metronome.join({ beat: () => beats++ });
  metronome.close();
  metronome.close();
  clock.advance(1000);
  assert.equal(beats, 0);
  assert.equal(clock.pending, 0);
});

test('a pause without listeners is not caught up', () => {
  const { clock, metronome } = setUp();
  metronome.join({ beat() {} })();
  clock.advance(700);
  let beats = 0;
  metronome.join({ beat: () => beats++, skipped: () => assert.fail('nothing was missed') });
  clock.advance(100);
  assert.ok(beats >= 4 && beats <= 5, String(beats));
});

test('after a pause the event loop has one turn before the missed beats run', () => {
  const order: string[] = [];
  class Watched extends StallingClock {
    override after(delayMs: number, fire: () => void): Timer {
      if (delayMs === 0) order.push('turn');
      return super.after(delayMs, fire);
    }
  }
  const clock = new Watched();
  const metronome = new Metronome({ clock, phases: 4, report: never });
  metronome.join({ beat: () => order.push('beat') });
  clock.advance(100);
  order.length = 0;
  clock.stall(100);
  clock.advance(20);
  assert.deepEqual(order, ['turn', 'beat', 'beat', 'beat', 'beat', 'beat', 'beat']);
  metronome.close();
});

test('after a stall it asks first, and runs not one beat before it may', () => {
  const clock = new StallingClock();
  const asked: number[] = [];
  let may = false;
  const mayGoOn = (stalledMs: number): boolean => {
    asked.push(stalledMs);
    return may;
  };
  const metronome = new Metronome({ clock, phases: 4, report: never, mayGoOn });
  let beats = 0;
  let skipped = 0;
  metronome.join({ beat: () => beats++, skipped: (count) => (skipped += count) });
  clock.advance(100);
  assert.deepEqual(asked, [], 'punctual beats are nobody else’s business');
  const before = beats;
  clock.stall(10_000);
  clock.advance(3000);
  assert.equal(beats, before);
  assert.equal(skipped, 0, 'nor is silence handed on');
  assert.ok((asked[0] ?? 0) > 9900, String(asked));
  may = true;
  metronome.goOn();
  clock.advance(40);
  assert.ok(beats > before);
  assert.ok(Math.abs(beats + skipped - before - 13_040 / 20) <= 2, `${beats - before} and ${skipped}`);
  metronome.close();
});

test('a stall between two beats of one tick stops the rest of it', () => {
  const clock = new StallingClock();
  const metronome = new Metronome({ clock, phases: 1, report: never, mayGoOn: () => false });
  const spoken: string[] = [];
  let frozen = false;
  metronome.join({
    beat: () => {
      spoken.push('first');
      if (frozen) clock.stall(10_000);
    },
  });
  metronome.join({ beat: () => spoken.push('second') });
  clock.advance(20);
  assert.deepEqual(spoken, ['first', 'second']);
  frozen = true;
  clock.advance(60);
  assert.deepEqual(spoken, ['first', 'second', 'first']);
  metronome.close();
});

test('a listener that asks to come earlier does so once, and then keeps its 20 ms', () => {
  const { clock, metronome, elapsed } = setUp(10);
  const at: number[] = [];
  metronome.join({ beat: () => at.push(elapsed()), advance: () => (at.length === 5 ? 13 : 0) });
  const others: number[] = [];
  metronome.join({ beat: () => others.push(elapsed()) });
  clock.advance(400);
  const steps = at.slice(1).map((ms, index) => ms - (at[index] ?? 0));
  // Whole slots of 2 ms.
  assert.deepEqual(
    steps,
    steps.map((_, index) => (index === 4 ? 8 : 20)),
  );
  assert.ok(others.slice(1).every((ms, index) => ms - (others[index] ?? 0) === 20));
});

test('nobody can come so early that a beat is run twice at once', () => {
  const { clock, metronome, elapsed } = setUp(10);
  const at: number[] = [];
  metronome.join({ beat: () => at.push(elapsed()), advance: () => (at.length === 1 ? 1000 : 0) });
  clock.advance(100);
  assert.ok(at.slice(1).every((ms, index) => ms > (at[index] ?? 0)));
});
