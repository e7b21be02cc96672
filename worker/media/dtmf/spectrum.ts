/**
 * The eight DTMF pitches in one window of samples: complex amplitudes by correlation with windowed
 * (Hann) tables, Goertzel's sum kept apart in both its parts, because the detector needs the phase
 * to tell a pitch from one 3.5 % beside it in less than 40 ms.
 */
import { HIGH_HERTZ, LOW_HERTZ } from './tones.ts';

export const PITCHES: readonly number[] = [...LOW_HERTZ, ...HIGH_HERTZ];

export class Spectrum {
  readonly real = new Float64Array(PITCHES.length);
  readonly imaginary = new Float64Array(PITCHES.length);
  readonly #size: number;
  readonly #window: Float64Array;
  readonly #cosines: readonly Float64Array[];
  readonly #sines: readonly Float64Array[];

  constructor(rate: number, size: number) {
    this.#size = size;
    this.#window = Float64Array.from(
      { length: size },
      (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / size),
    );
    /** So that a sine of amplitude A gives a number of size A. */
    const scale = 4 / size;
    const table = (hertz: number, wave: (angle: number) => number): Float64Array =>
      this.#window.map((weight, i) => scale * weight * wave((2 * Math.PI * hertz * i) / rate));
    this.#cosines = PITCHES.map((hertz) => table(hertz, Math.cos));
    this.#sines = PITCHES.map((hertz) => table(hertz, (angle) => -Math.sin(angle)));
  }

  /** Squared amplitude of one sine that would have all of the window's energy. */
  energy(samples: Float64Array): number {
    let sum = 0;
    for (let i = 0; i < this.#size; i++) {
      const value = (samples[i] as number) * (this.#window[i] as number);
      sum += value * value;
    }
    return (sum * 16) / (3 * this.#size);
  }

  /** Fills `real` and `imaginary`. */
  measure(samples: Float64Array): void {
    for (let pitch = 0; pitch < PITCHES.length; pitch++) {
      const cosine = this.#cosines[pitch] as Float64Array;
      const sine = this.#sines[pitch] as Float64Array;
      let real = 0;
      let imaginary = 0;
      for (let i = 0; i < this.#size; i++) {
        const sample = samples[i] as number;
        real += sample * (cosine[i] as number);
        imaginary += sample * (sine[i] as number);
      }
      this.real[pitch] = real;
      this.imaginary[pitch] = imaginary;
    }
  }

  /** Squared amplitude at a pitch. */
  power(pitch: number): number {
    return (this.real[pitch] as number) ** 2 + (this.imaginary[pitch] as number) ** 2;
  }
}
