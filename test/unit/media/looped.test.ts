/** Sounds that are played again and again: the same as many times over, and the thread is never kept. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { looped } from '../../../worker/media/looped.ts';

const RATE = 8000;

/** Pieces of a sound, each of so many samples that count on. */
function pieces(...lengths: number[]): Int16Array[] {
  let next = 0;
  return lengths.map((length) => Int16Array.from({ length }, () => next++));
}

/** What comes of it until there are `most` samples; how often it was made, and the most that came in one turn of the thread. */
async function heard(times: number, sound: Int16Array[], most = Number.POSITIVE_INFINITY) {
  let made = 0;
  let turns = 0;
  let thisTurn = 0;
  let mostAtOnce = 0;
  let running = true;
  const nextTurn = (): void => {
    turns += 1;
    thisTurn = 0;
    if (running) setImmediate(nextTurn);
  };
  setImmediate(nextTurn);
  const samples: number[] = [];
  let count = 0;
  const source = looped(times, RATE, async () => {
    made += 1;
    return sound;
  });
  for await (const piece of source) {
    samples.push(...piece);
    count += 1;
    thisTurn += piece.length;
    mostAtOnce = Math.max(mostAtOnce, thisTurn);
    if (samples.length >= most) break;
  }
  running = false;
  return { samples, count, made, turns, mostAtOnce };
}

describe('a sound that is looped', () => {
  for (const [what, lengths] of [
    ['of one sample', [1]],
    ['of a few pieces', [3, 5, 90]],
    ['of just a second', [8000]],
    ['longer than that', [5000, 3001]],
  ] as const) {
    for (const times of [1, 2, 7]) {
      it(`${what} is heard ${times} times, without a gap`, async () => {
        const sound = pieces(...lengths);
        const once = sound.flatMap((piece) => [...piece]);
        const { samples } = await heard(times, sound);
        assert.deepEqual(samples, Array.from({ length: times }, () => once).flat());
      });
    }
  }

  it('is made once when it is short, and costs no more than a long one', async () => {
    const { made, count, samples } = await heard(0, pieces(1), 10 * RATE);
    assert.deepEqual([made, samples.length], [1, 10 * RATE + 1]);
    assert.ok(count <= 12, `${count} pieces in 10 s`);
  });

  it('lets the rest of the thread have its turn at least once a second of it, and after a piece of a long one', async () => {
    const short = await heard(0, pieces(8), 10 * RATE);
    assert.ok(short.turns >= 10 && short.mostAtOnce <= RATE + 8, `${short.mostAtOnce} samples at once`);
    const long = await heard(0, pieces(...Array(1000).fill(80)), 20 * RATE);
    assert.ok(long.mostAtOnce <= 2 * 800, `${long.mostAtOnce} samples at once`);
  });

  it('without a sample is over, however often it is asked for', async () => {
    for (const sound of [[], pieces(0, 0)]) {
      const { made, samples } = await heard(0, sound);
      assert.deepEqual([made, samples], [1, []]);
    }
  });

  it('is closed when nobody wants more of it', async () => {
    let closed = 0;
    const open = async function* (): AsyncGenerator<Int16Array, void, void> {
      try {
        for (;;) yield new Int16Array(80);
      } finally {
        closed += 1;
      }
    };
    for await (const _ of looped(0, RATE, async () => open())) break;
    assert.equal(closed, 1);
  });
});
