import assert from 'node:assert/strict';
import test, { describe, it } from 'node:test';
import fc from 'fast-check';
import { Playout } from '../../../worker/media/playout.ts';
import { heardAt, rms, sine } from '../../support/tone.ts';

const rate = 8000;
const FRAME = 160;
const never = (error: unknown): void => assert.fail(String(error));
const playout = (): Playout => new Playout({ rate, report: never });

/** Plays `ms` and answers with what was heard. */
function play(queue: Playout, ms: number): Int16Array {
  const heard = new Int16Array((ms / 20) * FRAME);
  for (let at = 0; at < heard.length; at += FRAME) queue.next(heard.subarray(at, at + FRAME));
  return heard;
}

/** Samples that say which they are: 1, 2, 3 … */
const numbered = (from: number, count: number): Int16Array =>
  Int16Array.from({ length: count }, (_, index) => from + index);

describe('playout: order and marks', () => {
  it('AC-44: a mark on an empty queue fires at once', () => {
    const queue = playout();
    const fired: unknown[] = [];
    queue.mark((mark) => fired.push(mark));
    assert.deepEqual(fired, [{ cleared: false, atSample: 0 }]);
  });

  it('AC-45: three pieces and three marks come back in order, each when the cursor passes', () => {
    const queue = playout();
    const fired: [string, number, number][] = [];
    let frame = 0;
    for (const [name, ms] of [
      ['a', 500],
      ['b', 30],
      ['c', 1000],
    ] as const) {
      queue.enqueue(sine(440, ms, rate));
      queue.mark(({ atSample }) => fired.push([name, atSample, frame]));
    }
    const out = new Int16Array(FRAME);
    for (frame = 0; frame < 100; frame++) queue.next(out);
    assert.deepEqual(fired, [
      ['a', 4000, 24],
      ['b', 4240, 26],
      ['c', 12_240, 76],
    ]);
  });

  it('chunks from one sample up are joined without a gap', () => {
    const queue = playout();
    const whole = sine(700, 400, rate);
    for (let at = 0, size = 1; at < whole.length; at += size, size = (size % 37) + 1) {
      queue.enqueue(whole.subarray(at, Math.min(whole.length, at + size)));
    }
    assert.deepEqual(play(queue, 400), whole);
    assert.equal(queue.playedSamples, 3200);
    assert.equal(queue.underruns, 0);
  });

  it('what a mark triggers is played right behind it, within the same frame', () => {
    const queue = playout();
    queue.enqueue(numbered(1, 100));
    queue.mark(() => queue.enqueue(numbered(101, 60)));
    assert.deepEqual(play(queue, 20), numbered(1, 160));
  });

  it('tells silence from audio', () => {
    const queue = playout();
    const out = new Int16Array(FRAME).fill(9);
    assert.equal(queue.next(out), false);
    assert.deepEqual(out, new Int16Array(FRAME));
    queue.enqueue(Int16Array.of(1));
    assert.equal(queue.next(out), true);
    assert.equal(queue.next(out), false);
  });

  it('a listener of a mark that throws is reported and costs nothing else', () => {
    const reported: unknown[] = [];
    const queue = new Playout({ rate, report: (error) => reported.push(error) });
    const broken = new Error('broken listener');
    const fired: string[] = [];
    queue.enqueue(numbered(1, 10));
    queue.mark(() => {
      throw broken;
    });
    queue.mark(() => fired.push('second'));
    assert.deepEqual(play(queue, 20).subarray(0, 10), numbered(1, 10));
    assert.deepEqual(reported, [broken]);
    assert.deepEqual(fired, ['second']);
  });

  it('any number of marks, strictly in order: beyond the bound the oldest come back', () => {
    const queue = playout();
    const fired: [number, boolean][] = [];
    for (let name = 0; name < 33_000; name++) {
      queue.enqueue(Int16Array.of(1, 2));
      queue.mark(({ cleared }) => fired.push([name, cleared]));
    }
    play(queue, 8300);
    assert.deepEqual(
      fired,
      Array.from({ length: 33_000 }, (_, name) => [name, name < 33_000 - 32_768]),
    );
  });

  it('AC-48: holds ten minutes and says how much it took', () => {
    const queue = playout();
    const minute = new Int16Array(60 * rate);
    for (let n = 0; n < 9; n++) assert.equal(queue.enqueue(minute), minute.length);
    assert.equal(queue.enqueue(new Int16Array(2 * 60 * rate)), 60 * rate);
    assert.equal(queue.enqueue(minute), 0);
    assert.equal(queue.queuedSamples, 600 * rate);
    play(queue, 20);
    assert.equal(queue.enqueue(minute), FRAME);
  });
});

describe('playout: clear', () => {
  it('AC-43: clear after 0.5 s of 2 s is silence within a frame, and the mark comes back', () => {
    const queue = playout();
    const fired: unknown[] = [];
    queue.enqueue(sine(440, 2000, rate));
    queue.mark((mark) => fired.push(mark));
    play(queue, 500);
    assert.deepEqual(queue.clear(), { playedSamples: 4000, droppedSamples: 12_000 });
    assert.deepEqual(fired, [{ cleared: true, atSample: 4000 }]);
    const after = play(queue, 100);
    assert.deepEqual(after.subarray(40), new Int16Array(760));
  });

  it('the audio fades over 5 ms instead of breaking off', () => {
    const queue = playout();
    queue.enqueue(new Int16Array(1600).fill(8000));
    play(queue, 40);
    queue.clear();
    const after = play(queue, 20);
    let last = 8000;
    for (let at = 0; at <= 40; at++) {
      const step = last - (after[at] ?? 0);
      assert.ok(step >= 0 && step < 400, `a step of ${step} at ${at}`);
      last = after[at] ?? 0;
    }
    assert.equal(last, 0);
    assert.equal(queue.playedSamples, 320);
  });

  it('nothing is heard of audio that had not begun', () => {
    const queue = playout();
    queue.enqueue(sine(440, 500, rate));
    queue.clear();
    assert.equal(rms(play(queue, 100)), 0);
  });

  it('what comes right after a clear begins in the next frame, over the fade', () => {
    const queue = playout();
    queue.enqueue(sine(440, 1000, rate));
    play(queue, 100);
    queue.clear();
    queue.enqueue(sine(1000, 300, rate));
    const runs = heardAt(play(queue, 500), 1000, rate);
    assert.equal(runs.length, 1);
    assert.equal(runs[0]?.fromMs, 0);
    assert.equal(runs[0]?.toMs, 300);
  });

  it('a clear out of a mark stops the same frame there', () => {
    const queue = playout();
    queue.enqueue(new Int16Array(80).fill(1000));
    queue.mark(() => queue.clear());
    queue.enqueue(new Int16Array(800).fill(1000));
    const heard = play(queue, 40);
    assert.deepEqual(heard.subarray(0, 80), new Int16Array(80).fill(1000));
    assert.ok((heard[80] ?? 0) > 900 && (heard[119] ?? 0) < 100, 'it fades');
    assert.equal(rms(heard.subarray(120)), 0);
    assert.equal(queue.playedSamples, 80);
  });

  it('pending marks fire in order, and one set by them fires as well', () => {
    const queue = playout();
    const fired: string[] = [];
    queue.enqueue(numbered(1, 500));
    queue.mark(() => fired.push('a'));
    queue.enqueue(numbered(1, 500));
    queue.mark(() => fired.push('b'));
    queue.clear();
    assert.deepEqual(fired, ['a', 'b']);
    queue.mark(() => fired.push('c'));
    assert.deepEqual(fired, ['a', 'b', 'c']);
  });
});

describe('playout: live producers', () => {
  it('starts at once, counts one underrun for a gap, and resumes with 40 ms in hand', () => {
    const queue = playout();
    queue.setLive(true);
    queue.enqueue(numbered(1, FRAME));
    const out = new Int16Array(FRAME);
    assert.equal(queue.next(out), true);
    assert.equal(queue.next(out), false);
    assert.equal(queue.next(out), false);
    assert.equal(queue.underruns, 1);
    queue.enqueue(numbered(1, FRAME));
    assert.equal(queue.next(out), false);
    queue.enqueue(numbered(161, FRAME));
    assert.equal(queue.next(out), true);
    assert.deepEqual(out, numbered(1, FRAME));
    assert.equal(queue.underruns, 1);
  });

  it('the last words are played although no more come', () => {
    const queue = playout();
    queue.setLive(true);
    queue.enqueue(numbered(1, FRAME));
    play(queue, 40);
    const fired: number[] = [];
    queue.enqueue(numbered(1, 50));
    queue.mark(({ atSample }) => fired.push(atSample));
    const heard = play(queue, 100);
    assert.equal(heard.filter((sample) => sample !== 0).length, 50);
    assert.deepEqual(fired, [210]);
  });

  it('an idle queue that is not live never underruns', () => {
    const queue = playout();
    queue.enqueue(numbered(1, 100));
    play(queue, 100);
    assert.equal(queue.underruns, 0);
  });

  it('ending live releases what was held back', () => {
    const queue = playout();
    queue.setLive(true);
    queue.enqueue(numbered(1, FRAME));
    play(queue, 40);
    queue.enqueue(numbered(1, 10));
    queue.setLive(false);
    assert.deepEqual(play(queue, 20).subarray(0, 10), numbered(1, 10));
  });
});

type Step =
  | { readonly do: 'enqueue'; readonly count: number }
  | { readonly do: 'mark' }
  | { readonly do: 'clear' }
  | { readonly do: 'next' };

const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('enqueue' as const), count: fc.nat(700) }) },
    { weight: 3, arbitrary: fc.constant({ do: 'mark' as const }) },
    { weight: 1, arbitrary: fc.constant({ do: 'clear' as const }) },
    { weight: 6, arbitrary: fc.constant({ do: 'next' as const }) },
  ),
  { maxLength: 80 },
);

/** The queue as one would explain it: an array of samples and marks. */
class Model {
  readonly items: (number | { readonly mark: number })[] = [];
  readonly fired: [number, boolean, number][] = [];
  played = 0;

  mark(id: number): void {
    this.items.push({ mark: id });
    if (this.items.length === 1) this.take(0);
  }

  take(count: number): number[] {
    const out: number[] = [];
    for (;;) {
      const item = this.items[0];
      if (item === undefined || (typeof item === 'number' && out.length === count)) return out;
      this.items.shift();
      if (typeof item === 'number') {
        out.push(item);
        this.played++;
      } else this.fired.push([item.mark, false, this.played]);
    }
  }

  clear(): number {
    const dropped = this.items.splice(0);
    for (const item of dropped) if (typeof item !== 'number') this.fired.push([item.mark, true, this.played]);
    return dropped.filter((item) => typeof item === 'number').length;
  }
}

test('playout: any sequence of steps gives what the model gives', () => {
  fc.assert(
    fc.property(steps, (sequence: readonly Step[]) => {
      const queue = playout();
      const model = new Model();
      const fired: [number, boolean, number][] = [];
      let value = 0;
      let fadeUntil = 0;
      for (const [id, step] of sequence.entries()) {
        if (step.do === 'enqueue') {
          const samples = Int16Array.from({ length: step.count }, () => (value++ % 30_000) + 1);
          assert.equal(queue.enqueue(samples), step.count);
          model.items.push(...samples);
        } else if (step.do === 'mark') {
          queue.mark(({ cleared, atSample }) => fired.push([id, cleared, atSample]));
          model.mark(id);
        } else if (step.do === 'clear') {
          assert.deepEqual(queue.clear(), { playedSamples: model.played, droppedSamples: model.clear() });
          fadeUntil = 40;
        } else {
          const out = new Int16Array(FRAME);
          queue.next(out);
          const expected = model.take(FRAME);
          const exact = [...expected, ...new Array<number>(FRAME - expected.length).fill(0)];
          assert.deepEqual(Array.from(out).slice(fadeUntil), exact.slice(fadeUntil));
          fadeUntil = 0;
        }
        assert.equal(queue.playedSamples, model.played);
        assert.equal(queue.queuedSamples, model.items.filter((item) => typeof item === 'number').length);
        assert.deepEqual(fired, model.fired);
      }
    }),
    { numRuns: 150, seed: 20 },
  );
});

type LiveStep =
  | { readonly do: 'say' | 'stall' | 'pause'; readonly beats: number }
  | { readonly do: 'ahead'; readonly count: number }
  | { readonly do: 'mark' | 'mark-end' | 'clear' | 'clear-in-mark' | 'late' };

const liveSteps = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant('say' as const), beats: fc.integer({ min: 1, max: 80 }) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('stall' as const), beats: fc.integer({ min: 1, max: 60 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('pause' as const), beats: fc.integer({ min: 1, max: 120 }) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('ahead' as const), count: fc.nat(9000) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('mark' as const, 'mark-end' as const, 'late' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('clear' as const, 'clear-in-mark' as const) }) },
  ),
  { minLength: 5, maxLength: 40 },
);

/** Voice and noise and silence in turns, so that cuts are made in each way there is. */
const soundAt = (sample: number, hertz: number): number => {
  const second = Math.floor(sample / hertz) % 4;
  if (second === 3) return 0;
  if (second === 2) return ((sample * 48_271) % 16_001) - 8000;
  return Math.round(9000 * Math.sin((2 * Math.PI * 180 * sample) / hertz));
};

for (const hertz of [8000, 16_000]) {
  test(`playout at ${hertz} Hz: a live producer that stalls loses nothing, and no mark comes early, late, twice or out of order`, () => {
    let shortened = 0;
    fc.assert(
      fc.property(liveSteps, (sequence: readonly LiveStep[]) => {
        const frame = hertz / 50;
        const queue = new Playout({ rate: hertz, report: never });
        const out = new Int16Array(frame);
        let sent = 0;
        let dropped = 0;
        let late = false;
        const fired: number[] = [];
        let marks = 0;
        const put = (count: number): void => {
          queue.setLive(true);
          const samples = Int16Array.from({ length: count }, (_, at) => soundAt(sent + at, hertz));
          sent += count;
          assert.equal(queue.enqueue(samples), count);
        };
        const clear = (): void => {
          const { droppedSamples } = queue.clear();
          dropped += droppedSamples;
          queue.setLive(false);
        };
        const mark = (then: () => void = () => {}): void => {
          const id = marks++;
          const place = sent - dropped;
          queue.mark(({ cleared, atSample }) => {
            fired.push(id);
            assert.equal(atSample, queue.playedSamples);
            if (!cleared) assert.equal(atSample, place, `mark ${id}`);
            else assert.ok(atSample <= place);
            if (!cleared) then();
          });
        };
        const beat = (): void => {
          if (late) queue.late();
          const before = queue.playedSamples;
          queue.next(out);
          const taken = queue.playedSamples - before;
          assert.ok(taken >= 0 && taken <= 2 * frame, `${taken} samples in a beat`);
          if (taken > frame) shortened++;
          assert.equal(queue.playedSamples + dropped + queue.queuedSamples, sent);
        };
        for (const step of sequence) {
          switch (step.do) {
            case 'say':
              for (let at = 0; at < step.beats; at++) {
                put(frame);
                beat();
              }
              break;
            case 'stall':
              for (let at = 0; at < step.beats; at++) beat();
              put(step.beats * frame);
              break;
            case 'pause':
              for (let at = 0; at < step.beats; at++) beat();
              break;
            case 'ahead':
              put(step.count);
              break;
            case 'mark':
              mark();
              break;
            case 'mark-end':
              mark(() => {
                if (queue.queuedSamples === 0) queue.setLive(false);
              });
              break;
            case 'clear-in-mark':
              mark(clear);
              break;
            case 'clear':
              clear();
              break;
            case 'late':
              late = !late;
          }
        }
        for (let at = 0; queue.queuedSamples > 0; at++) {
          assert.ok(at < 5000, 'what is queued is played in the end');
          beat();
        }
        beat();
        assert.deepEqual(
          fired,
          Array.from({ length: marks }, (_, id) => id),
        );
      }),
      { numRuns: 100, seed: 44 },
    );
    assert.ok(shortened > 100, `${shortened} frames were shortened`);
  });
}
