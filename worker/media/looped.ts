/**
 * A sound as often as it is asked for, for `<Play>` and `<Say>`. A short one is made once, kept, and laid end to end: a file
 * of a single sample that is played for ever would be read thousands of times a second. After each turn, and each piece of
 * a long one, the rest of the thread has its own: a sound that is there already is read without a wait.
 */
import { setImmediate } from 'node:timers/promises';

export type Sound = Iterable<Int16Array> | AsyncIterable<Int16Array>;

/** What is kept, and the most of it that is handed on at once. */
const SHORT_MS = 1000;
/** How much of a long one is read at once: of the files that cost most this is about a millisecond. */
const PIECE_MS = 100;

/** `times`: 0 for ever. `sound` makes it anew for each turn; one without a sample is heard once, which is enough. */
export async function* looped(
  times: number,
  rate: number,
  sound: () => Promise<Sound>,
): AsyncGenerator<Int16Array, void, void> {
  const short = (SHORT_MS * rate) / 1000;
  for (let turn = 1; ; turn += 1) {
    const kept: Int16Array[] = [];
    let length = 0;
    for await (const samples of inPieces(await sound(), rate)) {
      length += samples.length;
      if (length <= short) kept.push(samples);
      yield samples;
    }
    const left = times === 0 ? Number.POSITIVE_INFINITY : times - turn;
    if (length === 0 || left === 0) return;
    await setImmediate();
    if (length <= short) return yield* endToEnd(kept, left, Math.floor(short / length));
  }
}

async function* inPieces(sound: Sound, rate: number): AsyncGenerator<Int16Array, void, void> {
  let length = 0;
  for await (const samples of sound) {
    yield samples;
    length += samples.length;
    if (length < (PIECE_MS * rate) / 1000) continue;
    length = 0;
    await setImmediate();
  }
}

/** So many times what the pieces are together, `most` of them at once. */
async function* endToEnd(
  pieces: readonly Int16Array[],
  times: number,
  most: number,
): AsyncGenerator<Int16Array, void, void> {
  const once = pieces.flatMap((piece) => [...piece]);
  const row = new Int16Array(once.length * Math.min(times, most));
  for (let at = 0; at < row.length; at += once.length) row.set(once, at);
  for (let left = times; left > 0; left -= most) {
    yield left < most ? row.subarray(0, left * once.length) : row;
    await setImmediate();
  }
}
