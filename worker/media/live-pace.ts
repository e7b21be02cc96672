/**
 * Tells how far the clock of a live producer has run away from ours, and how to make up for it unheard. A
 * machine of the playout's, which tells it of each arrival and asks it once a beat.
 *
 * Who sends at the pace of speech keeps the queue at a level; a clock 200 ppm off moves that level by 20 ms in
 * 100 s. Who sends ahead moves it by far more, and on purpose: a level is compared only with one of ten
 * seconds before, a change that no clock explains begins anew, and a lead that was given is kept. What piles up
 * behind a stall is no matter of clocks: see `stall.ts`.
 */
import { FRAME_MS } from './frame.ts';

const WINDOW_BEATS = 500;
/** The most a level moves in a window when only clocks differ: a thousandth, and a packet that falls into another beat. */
const MOST_CHANGE_MS = 30;
/** A pause of the producer longer than this begins anew. */
const MOST_PAUSE_BEATS = 50;
/** Less is left as it is. */
const LEAST_MS = 10;
/** How long silence is waited for before samples are taken from sound. */
const PATIENCE_BEATS = 500;
/** Taken or given in a beat of silence; in sound it is a single sample. */
const SILENT_STEP_MS = 1;

export class LivePace {
  readonly #perMs: number;
  /** Samples taken beyond the frames so far, and how many it should be. */
  #given = 0;
  #goal = 0;
  #waited = 0;
  #beats = 0;
  #sum = 0;
  #least = Number.POSITIVE_INFINITY;
  #idle = 0;
  /** What should be in the queue at the worst beat, in samples; and what the level is to be above where it began. */
  #cushion = 0;
  #lift = 0;
  #arrived = false;
  /** Levels in samples as they would be without us, at the beginning and in the last window; NaN when there is none. */
  #base = Number.NaN;
  #before = Number.NaN;

  /** `rate` in hertz. */
  constructor(rate: number) {
    this.#perMs = rate / 1000;
  }

  /** Whether it will ask how loud the last frame was. */
  get owes(): boolean {
    return this.#goal !== this.#given;
  }

  arrived(): void {
    this.#arrived = true;
  }

  /** The queue was cleared, ran dry, or is somebody else's now: levels from before mean nothing. `cushion`: see there. */
  restart(cushion = 0): void {
    this.#cushion = cushion;
    this.#before = Number.NaN;
    this.#beats = 0;
    this.#sum = 0;
    this.#least = Number.POSITIVE_INFINITY;
    this.#rebase();
  }

  /**
   * Once a beat, before the frame is taken: samples to take beyond a frame (or fewer, below zero).
   * `quiet`: the frame before was as good as silent. `spare`: how many more there are than a frame.
   */
  beat(queued: number, quiet: boolean, spare: number): number {
    this.#idle = this.#arrived ? 0 : this.#idle + 1;
    this.#arrived = false;
    if (this.#idle > MOST_PAUSE_BEATS) {
      if (this.#beats > 0) this.restart();
      return 0;
    }
    this.#sum += queued + this.#given;
    if (queued < this.#least) this.#least = queued;
    if (++this.#beats === WINDOW_BEATS) this.#judge();
    return spare >= 0 && this.owes ? this.#step(quiet, spare) : 0;
  }

  #rebase(): void {
    this.#base = Number.NaN;
    this.#lift = 0;
    this.#given = 0;
    this.#goal = 0;
  }

  /** A window is over. */
  #judge(): void {
    const level = this.#sum / WINDOW_BEATS;
    const before = this.#before;
    const least = this.#least;
    this.#least = Number.POSITIVE_INFINITY;
    this.#sum = 0;
    this.#beats = 0;
    this.#before = level;
    if (Number.isNaN(before)) return;
    if (Math.abs(level - before) > MOST_CHANGE_MS * this.#perMs) {
      this.#before -= this.#given;
      this.#rebase();
      return;
    }
    if (Number.isNaN(this.#base)) {
      this.#base = before;
      this.#lift = Math.max(0, this.#cushion - Math.max(0, least - FRAME_MS * this.#perMs));
    }
    const wanted = agreed(level - this.#base, before - this.#base) - this.#lift;
    if (this.owes || Math.abs(wanted - this.#given) < LEAST_MS * this.#perMs) return;
    this.#goal = Math.round(wanted);
    this.#waited = 0;
  }

  #step(quiet: boolean, spare: number): number {
    this.#waited += 1;
    const most = quiet ? SILENT_STEP_MS * this.#perMs : this.#waited > PATIENCE_BEATS ? 1 : 0;
    const step = Math.max(-most, Math.min(most, spare, this.#goal - this.#given));
    this.#given += step;
    return step;
  }
}

/** What two windows in a row agree on: the smaller of two drifts in one direction. */
function agreed(one: number, other: number): number {
  if (one > 0 !== other > 0) return 0;
  return Math.sign(one) * Math.min(Math.abs(one), Math.abs(other));
}

/** Samples of 20 ms. */
export const frameSamples = (rate: number): number => (rate * FRAME_MS) / 1000;

/** Fits all of `from` into the whole of `to`, a few samples longer or shorter, by linear interpolation. */
export function stretch(from: Int16Array, length: number, to: Int16Array): void {
  const scale = (length - 1) / (to.length - 1);
  for (let i = 0; i < to.length; i++) {
    const at = i * scale;
    const left = Math.floor(at);
    const share = at - left;
    const one = from[left] as number;
    const other = from[Math.min(left + 1, length - 1)] as number;
    to[i] = Math.round(one + (other - one) * share);
  }
}
