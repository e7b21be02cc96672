/**
 * What encoder and decoder of one G.722 sub-band have in common: the adaptive predictor of two poles and six
 * zeros and the scale factor of the quantizer (ITU-T G.722 clauses 3.5, 3.6 and 6.2). The names in brackets
 * are the blocks of the text. All arithmetic is in whole numbers, as the text has it, bit for bit.
 */
import { ILB } from './g722-tables.ts';

/** Within 16 bits, as every sum of the text is. */
const limit = (value: number): number => (value > 32_767 ? 32_767 : Math.max(value, -32_768));

export interface BandShape {
  /** The linear scale factor to begin with. */
  readonly scale: number;
  /** Largest logarithmic scale factor. */
  readonly mostLog: number;
  /** Exponent at which the linear scale factor is as in ILB. */
  readonly exponent: number;
}

export const LOW: BandShape = { scale: 32, mostLog: 18_432, exponent: 8 };
export const HIGH: BandShape = { scale: 8, mostLog: 22_528, exponent: 10 };

export class Band {
  /** The predicted sample. */
  predicted = 0;
  /** Linear scale factor of the quantizer. */
  scale: number;
  readonly #mostLog: number;
  readonly #exponent: number;
  #log = 0;
  /** Zeros and the six quantized differences they weigh, the newest first. */
  readonly #zeros = new Int32Array(6);
  readonly #differences = new Int32Array(6);
  #fromZeros = 0;
  /** Poles, the last two reconstructed samples, and the signs of the last two partly reconstructed ones. */
  #pole1 = 0;
  #pole2 = 0;
  #sample1 = 0;
  #sign1 = 0;
  #sign2 = 0;

  constructor({ scale, mostLog, exponent }: BandShape) {
    this.scale = scale;
    this.#mostLog = mostLog;
    this.#exponent = exponent;
  }

  /** Takes the quantized difference of this sample and predicts the next; `step` moves the scale factor. */
  adapt(difference: number, step: number): void {
    this.#rescale(step);
    const partly = limit(difference + this.#fromZeros);
    const sample = limit(this.predicted + difference);
    this.#movePoles(partly >> 15);
    this.#moveZeros(difference);
    const first = Math.imul(this.#pole1, limit(2 * sample)) >> 15;
    const second = Math.imul(this.#pole2, limit(2 * this.#sample1)) >> 15;
    this.#sample1 = sample;
    this.predicted = limit(limit(first + second) + this.#fromZeros);
  }

  /** [LOGSCL, SCALEL; LOGSCH, SCALEH] */
  #rescale(step: number): void {
    const moved = (Math.imul(this.#log, 127) >> 7) + step;
    this.#log = moved < 0 ? 0 : Math.min(moved, this.#mostLog);
    const mantissa = ILB[(this.#log >> 6) & 31] as number;
    const shift = this.#exponent - (this.#log >> 11);
    this.scale = (shift < 0 ? mantissa << -shift : mantissa >> shift) << 2;
  }

  /** [UPPOL2, UPPOL1] */
  #movePoles(sign: number): void {
    const turned = limit(this.#pole1 << 2);
    const towards = sign === this.#sign1 ? limit(-turned) : turned;
    let pole2 = (towards >> 7) + (sign === this.#sign2 ? 128 : -128) + (Math.imul(this.#pole2, 32_512) >> 15);
    pole2 = pole2 > 12_288 ? 12_288 : Math.max(pole2, -12_288);
    const bound = 15_360 - pole2;
    const pole1 = (Math.imul(this.#pole1, 32_640) >> 15) + (sign === this.#sign1 ? 192 : -192);
    this.#pole1 = pole1 > bound ? bound : Math.max(pole1, -bound);
    this.#pole2 = pole2;
    this.#sign2 = this.#sign1;
    this.#sign1 = sign;
  }

  /** [UPZERO, DELAYA, FILTEZ]: each zero moves, then weighs the difference one later than before. */
  #moveZeros(difference: number): void {
    const zeros = this.#zeros;
    const differences = this.#differences;
    const step = difference === 0 ? 0 : 128;
    const sign = difference >> 15;
    let sum = 0;
    for (let i = 5; i >= 0; i--) {
      const older = differences[i] as number;
      const zero = (Math.imul(zeros[i] as number, 32_640) >> 15) + (older >> 15 === sign ? step : -step);
      zeros[i] = zero;
      const weighed = i === 0 ? difference : (differences[i - 1] as number);
      differences[i] = weighed;
      sum = limit(sum + (Math.imul(zero, limit(2 * weighed)) >> 15));
    }
    this.#fromZeros = sum;
  }
}
