/**
 * Plays a little faster without a word or a pitch being lost: leaves out whole periods of a sound and joins what is on
 * both sides of them, as the ear does not count periods (overlap-add in the time domain). Stateless; the playout and the inbound half of a leg use it to give back delay. Called on the audio path.
 */

/** Lags that are looked at: pitches from 400 Hz down to 80 Hz. */
const SHORTEST_MS = 2.5;
const LONGEST_MS = 12.5;
/** What is compared, and cross-faded. */
const OVERLAP_MS = 8;
/** A likeness this close to the best will do, when more is left out by it. */
const GOOD_SHARE = 0.95;
/** Less alike than this would be heard. */
const LIKE_ENOUGH = 0.5;
/** Peak of what is as good as silent: −40 dBFS. */
const QUIET_PEAK = 328;

/** Samples that must be at hand beyond a frame before a sound can be shortened. */
export const reachOf = (rate: number): number => Math.ceil((LONGEST_MS * rate) / 1000);

/**
 * How many samples behind `from` may be left out of the first `have` samples of `sound`, so that a frame of `frame`
 * samples remains: at most `most`; 0 when no place is good. `anyway`: the best place, however good it is.
 */
export function findShortening(
  sound: Int16Array,
  have: number,
  frame: number,
  most: number,
  rate: number,
  anyway: boolean,
): number {
  const room = Math.min(most, have - frame);
  if (room <= 0) return 0;
  if (isQuiet(sound, frame + room)) return room;
  const longest = Math.min(room, reachOf(rate));
  const shortest = Math.ceil((SHORTEST_MS * rate) / 1000);
  if (longest < shortest) return 0;
  return bestLag(sound, shortest, longest, rate, anyway);
}

/** Fills `out` from the first `out.length + leftOut` samples of `sound`. */
export function shorten(sound: Int16Array, leftOut: number, out: Int16Array, rate: number): void {
  const overlap = Math.min(out.length, overlapOf(rate));
  for (let i = 0; i < overlap; i++) {
    const share = (i + 1) / (overlap + 1);
    const before = sound[i] as number;
    out[i] = Math.round(before + ((sound[i + leftOut] as number) - before) * share);
  }
  for (let i = overlap; i < out.length; i++) out[i] = sound[i + leftOut] as number;
}

export function isQuiet(samples: Int16Array, count: number): boolean {
  for (let i = 0; i < count; i++) {
    const sample = samples[i] as number;
    if (sample > QUIET_PEAK || sample < -QUIET_PEAK) return false;
  }
  return true;
}

const overlapOf = (rate: number): number => (OVERLAP_MS * rate) / 1000;

/** The longest lag that is about as alike as the most alike one; every second sample tells enough of that. */
function bestLag(sound: Int16Array, shortest: number, longest: number, rate: number, anyway: boolean): number {
  const step = rate / 8000 + 1;
  let best = -1;
  let chosen = 0;
  for (let lag = longest; lag >= shortest; lag--) {
    const alike = likeness(sound, lag, overlapOf(rate), step);
    if (alike * GOOD_SHARE <= best) continue;
    best = alike;
    chosen = lag;
  }
  return anyway || best >= LIKE_ENOUGH ? chosen : 0;
}

/** Normalised correlation of what is at the beginning with what is `lag` samples later. */
function likeness(sound: Int16Array, lag: number, count: number, step: number): number {
  let product = 0;
  let here = 0;
  let there = 0;
  for (let i = 0; i < count; i += step) {
    const one = sound[i] as number;
    const other = sound[i + lag] as number;
    product += one * other;
    here += one * one;
    there += other * other;
  }
  return product / Math.sqrt(here * there + 1);
}
