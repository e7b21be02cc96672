/**
 * Digits heard in audio (ITU-T Q.24), for far ends that send no RFC 4733: a tone of 40 ms counts, one
 * under 23 ms does not; ±1.5 % off pitch counts, ±3.5 % does not; down to −35 dBFS a tone; the high one
 * up to 4 dB over the low one and 8 dB under it. What keeps speech out is that it is never so pure, nor
 * so steady in both pitches, for so long; what keeps music out is that its notes have overtones.
 *
 * It looks at 15 ms every 5 ms. Six such windows in a row begin a digit: a tone of 23 ms fills at most
 * five, one of 40 ms at least seven. Five without it end it. No allocation for a frame.
 */
import type { LegRate } from '../frame.ts';
import { PITCHES, Spectrum } from './spectrum.ts';
import { digitAt } from './tones.ts';

/** Told when a digit has ended; `durationMs` to about 10 ms. */
export type DigitHeard = (digit: string, durationMs: number) => void;

const HOP_MS = 5;
const WINDOWS_TO_BEGIN = 6;
const WINDOWS_TO_END = 5;
/** Squares of amplitudes. −35 dBFS, and 3 dB for a pitch at the edge of what counts and for edges. */
const LEAST = 10 ** (-38 / 10);
const MOST_HIGH_OVER_LOW = 10 ** (6 / 10);
const MOST_LOW_OVER_HIGH = 10 ** (10 / 10);
/** Share of the energy that must be in the two tones. */
const LEAST_PURITY = 0.7;
const MOST_OFF_PITCH = 0.025;
/** A voice glides: its phase does not advance by the same angle in every hop. */
const LEAST_STEADINESS = 0.975;
/**
 * Instruments and voices have overtones, keys do not. Of the low tone the third harmonic is looked at, as the second
 * falls among the high tones; of the high tone the second. Share of the tone's own power.
 */
const MOST_OVERTONE = 0.06;
const NOTHING = -1;

export class DtmfDetector {
  readonly #heard: DigitHeard;
  readonly #hop: number;
  readonly #window: Float64Array;
  #filled: number;
  readonly #spectrum: Spectrum;
  readonly #before: Spectrum;
  /** Digit of the last window as 4 × row + column. */
  #candidate = NOTHING;
  #run = 0;
  /** Sum over the run of each window's amplitude times the conjugate of the one before, low and high. */
  readonly #turn = new Float64Array(4);
  /** The same without the phase: as large as the sum when the pitch never moved. */
  readonly #size = new Float64Array(2);
  #digit = NOTHING;
  #digitWindows = 0;
  #missing = 0;

  constructor(rate: LegRate, heard: DigitHeard) {
    this.#heard = heard;
    this.#hop = (HOP_MS * rate) / 1000;
    this.#window = new Float64Array(3 * this.#hop);
    this.#filled = 0;
    this.#spectrum = new Spectrum(rate, this.#window.length);
    this.#before = new Spectrum(rate, this.#window.length);
  }

  /** Takes the next samples of the stream, any number. */
  add(samples: Int16Array): void {
    for (let i = 0; i < samples.length; i++) {
      this.#window[this.#filled++] = (samples[i] as number) / 32_768;
      if (this.#filled < this.#window.length) continue;
      this.#judge(this.#look());
      this.#window.copyWithin(0, this.#hop);
      this.#filled -= this.#hop;
    }
  }

  /** Which digit this window could be; `NOTHING` for none. */
  #look(): number {
    this.#before.real.set(this.#spectrum.real);
    this.#before.imaginary.set(this.#spectrum.imaginary);
    const energy = this.#spectrum.energy(this.#window);
    if (energy < 2 * LEAST * LEAST_PURITY) return NOTHING;
    this.#spectrum.measure(this.#window);
    const low = this.#loudest(0);
    const high = this.#loudest(4);
    const lowPower = this.#spectrum.power(low);
    const highPower = this.#spectrum.power(high);
    if (lowPower < LEAST || highPower < LEAST) return NOTHING;
    if (highPower > lowPower * MOST_HIGH_OVER_LOW || lowPower > highPower * MOST_LOW_OVER_HIGH) return NOTHING;
    if (lowPower + highPower < energy * LEAST_PURITY) return NOTHING;
    return low * 4 + high - 4;
  }

  #loudest(from: number): number {
    let best = from;
    for (let pitch = from + 1; pitch < from + 4; pitch++) {
      if (this.#spectrum.power(pitch) > this.#spectrum.power(best)) best = pitch;
    }
    return best;
  }

  #judge(candidate: number): void {
    if (candidate === NOTHING || candidate !== this.#candidate) {
      this.#candidate = candidate;
      this.#run = candidate === NOTHING ? 0 : 1;
      this.#turn.fill(0);
      this.#size.fill(0);
    } else {
      this.#run++;
      this.#addTurn(candidate);
    }
    this.#follow();
  }

  /** Begins, goes on with and ends the digit. */
  #follow(): void {
    const here = this.#digit !== NOTHING && this.#candidate === this.#digit;
    if (here) {
      this.#digitWindows += 1 + this.#missing;
      this.#missing = 0;
      return;
    }
    if (this.#digit !== NOTHING && ++this.#missing >= WINDOWS_TO_END) this.#end();
    if (this.#run < WINDOWS_TO_BEGIN || !this.#isSteady(this.#candidate) || this.#isRich(this.#candidate)) return;
    if (this.#digit !== NOTHING) this.#end();
    this.#digit = this.#candidate;
    this.#digitWindows = this.#run;
    this.#missing = 0;
  }

  #end(): void {
    const digit = digitAt(this.#digit >> 2, this.#digit & 3);
    const durationMs = this.#digitWindows * HOP_MS + HOP_MS;
    this.#digit = NOTHING;
    this.#missing = 0;
    this.#heard(digit, durationMs);
  }

  #addTurn(candidate: number): void {
    for (const [part, pitch] of [candidate >> 2, 4 + (candidate & 3)].entries()) {
      const [a, b] = [this.#spectrum.real[pitch] as number, this.#spectrum.imaginary[pitch] as number];
      const [c, d] = [this.#before.real[pitch] as number, this.#before.imaginary[pitch] as number];
      const [real, imaginary] = [a * c + b * d, b * c - a * d];
      this.#turn[2 * part] = (this.#turn[2 * part] as number) + real;
      this.#turn[2 * part + 1] = (this.#turn[2 * part + 1] as number) + imaginary;
      this.#size[part] = (this.#size[part] as number) + Math.hypot(real, imaginary);
    }
  }

  /** Whether one of the two tones has overtones; looked at only when a digit would begin. */
  #isRich(candidate: number): boolean {
    return [candidate >> 2, 4 + (candidate & 3)].some((pitch, part) => {
      const hertz = PITCHES[pitch] as number;
      const overtone = this.#powerAt(hertz * (part === 0 ? 3 : 2));
      return overtone > MOST_OVERTONE * this.#powerAt(hertz);
    });
  }

  #powerAt(hertz: number): number {
    const turn = (2 * Math.PI * hertz) / (1000 * (this.#hop / HOP_MS));
    let real = 0;
    let imaginary = 0;
    for (let i = 0; i < this.#window.length; i++) {
      real += (this.#window[i] as number) * Math.cos(turn * i);
      imaginary -= (this.#window[i] as number) * Math.sin(turn * i);
    }
    return real * real + imaginary * imaginary;
  }

  /** How far the phase ran ahead of the nominal pitch in a hop tells the true pitch. */
  #isSteady(candidate: number): boolean {
    return [candidate >> 2, 4 + (candidate & 3)].every((pitch, part) => {
      const hertz = PITCHES[pitch] as number;
      const [real, imaginary] = [this.#turn[2 * part] as number, this.#turn[2 * part + 1] as number];
      if (Math.hypot(real, imaginary) < LEAST_STEADINESS * (this.#size[part] as number)) return false;
      const turned = Math.atan2(imaginary, real);
      const nominal = (2 * Math.PI * hertz * HOP_MS) / 1000;
      const ahead = turned - nominal;
      const wrapped = ahead - 2 * Math.PI * Math.round(ahead / (2 * Math.PI));
      const off = (wrapped * 1000) / (2 * Math.PI * HOP_MS);
      return Math.abs(off) <= hertz * MOST_OFF_PITCH;
    });
  }
}
