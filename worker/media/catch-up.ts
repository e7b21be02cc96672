/**
 * Makes up for delay frame by frame: takes more than a frame a beat now and then, gives one, and leaves out what is
 * silent or whole periods of a sound in between. Owned by the inbound half of a leg; costs nothing while nothing is held.
 */
import { findShortening, isQuiet, reachOf, shorten } from './shorten.ts';

/** Beats between two cuts in sound, and beats after which one is made wherever it is. */
const CUT_EVERY = 3;
const CUT_ANYWAY = 10;
/** What is left in the end may be less than any period: it would be held for as long as nothing is silent. */
const REST_MS = 2.5;

export class CatchUp {
  readonly #rate: number;
  readonly #held: Int16Array;
  #length = 0;
  #sinceCut = 0;

  /** `rate` in hertz. */
  constructor(rate: number) {
    this.#rate = rate;
    this.#held = new Int16Array((4 * rate) / 50);
  }

  /** Samples that are held from beat to beat. */
  get held(): number {
    return this.#length;
  }

  /** Whether a frame more than one a beat would be of use. */
  get wants(): boolean {
    return this.#length <= reachOf(this.#rate) / 2;
  }

  /** Takes a frame; there is room for three. */
  put(frame: Int16Array): void {
    this.#held.set(frame, this.#length);
    this.#length += frame.length;
  }

  /** Gives a frame; at least one was put. */
  take(out: Int16Array): void {
    this.#sinceCut += 1;
    const extra = this.#length - out.length;
    const mayCut = this.#sinceCut >= CUT_EVERY || isQuiet(this.#held, this.#length);
    const anyway = this.#sinceCut >= CUT_ANYWAY;
    const isRest = anyway && extra <= (REST_MS * this.#rate) / 1000;
    const found = mayCut ? findShortening(this.#held, this.#length, out.length, extra, this.#rate, anyway) : 0;
    const leftOut = isRest ? extra : found;
    shorten(this.#held, leftOut, out, this.#rate);
    if (leftOut > 0) this.#sinceCut = 0;
    this.#held.copyWithin(0, out.length + leftOut, this.#length);
    this.#length -= out.length + leftOut;
  }

  /** What is held is of no use any more. */
  clear(): void {
    this.#length = 0;
  }
}
