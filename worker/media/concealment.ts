/**
 * What is heard instead of lost packets, in the manner of ITU-T G.711 appendix I: the last pitch period
 * goes on, fading to silence in 60 ms; the first frame after the gap is blended in over 5 ms. The RTP
 * receiver owns one for each direction: `good` for each frame that came, `lost` for each that did not.
 * No allocation after construction.
 */
import type { LegRate } from './frame.ts';

const FADE_MS = 60;
const BLEND_MS = 5;
/** Pitch of voices: 66 to 400 Hz. */
const SHORTEST_MS = 2.5;
const LONGEST_MS = 15;

export class Concealment {
  readonly #history: Int16Array;
  readonly #shortest: number;
  readonly #longest: number;
  readonly #fade: number;
  readonly #blend: Int16Array;
  #period = 0;
  /** Samples made up since the gap began; 0 when there is none. */
  #made = 0;

  constructor(rate: LegRate) {
    const samples = (ms: number): number => Math.round((ms * rate) / 1000);
    this.#shortest = samples(SHORTEST_MS);
    this.#longest = samples(LONGEST_MS);
    this.#fade = samples(FADE_MS);
    this.#history = new Int16Array(3 * this.#longest);
    this.#blend = new Int16Array(samples(BLEND_MS));
  }

  /** A frame that came; after a gap its start is changed in place, from what was made up into what it is. */
  good(frame: Int16Array): void {
    if (this.#made > 0) this.#blendIn(frame);
    this.#made = 0;
    this.#remember(frame);
  }

  /** Fills `out` in place of a frame that did not come. False when the fade is over: `out` is silence. */
  lost(out: Int16Array): boolean {
    if (this.#made === 0) this.#period = this.#pitch();
    const audible = this.#made < this.#fade;
    this.#continue(out);
    return audible;
  }

  #continue(out: Int16Array): void {
    const start = this.#history.length - this.#period;
    for (let i = 0; i < out.length; i++, this.#made++) {
      const gain = 1 - this.#made / this.#fade;
      const sample = this.#history[start + (this.#made % this.#period)] as number;
      out[i] = gain > 0 ? Math.round(sample * gain) : 0;
    }
  }

  #blendIn(frame: Int16Array): void {
    this.#continue(this.#blend);
    const length = Math.min(this.#blend.length, frame.length);
    for (let i = 0; i < length; i++) {
      const share = (i + 1) / (length + 1);
      frame[i] = Math.round((frame[i] as number) * share + (this.#blend[i] as number) * (1 - share));
    }
  }

  #remember(frame: Int16Array): void {
    const { length } = this.#history;
    if (frame.length >= length) {
      this.#history.set(frame.subarray(frame.length - length));
      return;
    }
    this.#history.copyWithin(0, frame.length);
    this.#history.set(frame, length - frame.length);
  }

  /** The lag at which the history is most like itself: normalised correlation of its last 15 ms. A multiple of a good lag must be better to be taken. */
  #pitch(): number {
    const history = this.#history;
    const window = this.#longest;
    const from = history.length - window;
    let best = this.#shortest;
    let bestScore = 0;
    for (let lag = this.#shortest; lag <= this.#longest; lag++) {
      let product = 0;
      let energy = 1;
      for (let i = from; i < history.length; i++) {
        const earlier = history[i - lag] as number;
        product += (history[i] as number) * earlier;
        energy += earlier * earlier;
      }
      const score = product <= 0 ? 0 : (product * product) / energy;
      const needed = lag > best * 1.5 ? bestScore * 1.02 : bestScore;
      if (score > needed) {
        bestScore = score;
        best = lag;
      }
    }
    return bestScore === 0 ? this.#longest : best;
  }
}
