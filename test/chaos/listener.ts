/**
 * What one stream carried, heard closely: whether its time stamps have holes, how long it was silent, how late and how
 * loud it is.
 * Reads the JSON messages of both dialects without parsing them whole.
 */

import { mulawCoder } from '../../worker/media/codec/g711.ts';

const FRAME_MS = 20;
const LAG_FRAMES = 50;
/** The last frames whose level is kept: ten seconds. */
const LEVELS = 500;
/** What is next to nothing is not told from nothing. */
const FLOOR_DB = -60;
const muLaw = new Int16Array(256);
mulawCoder.decode(
  Uint8Array.from(muLaw, (_, byte) => byte),
  muLaw,
);

export class Listener {
  holes = 0;
  heard = 0;
  zeroMs = 0;
  #lastStamp: number | null = null;
  #zeros = 0;
  readonly #lags: number[] = [];
  readonly #powers: number[] = [];

  begin(): void {
    this.holes = 0;
    this.heard = 0;
    this.zeroMs = 0;
    this.#zeros = 0;
    this.#lastStamp = null;
    this.#powers.length = 0;
  }

  /** Level of the quietest frames, so many of a hundred as `share` says, in dB of the median frame. */
  quietDb(share: number): number {
    const sorted = [...this.#powers].sort((one, other) => one - other);
    const quiet = sorted.slice(0, Math.max(1, Math.floor(sorted.length * share)));
    const mean = quiet.reduce((sum, power) => sum + power, 0) / quiet.length;
    const median = sorted[sorted.length >> 1] ?? 0;
    return median === 0 ? 0 : Math.round(Math.max(FLOOR_DB, 10 * Math.log10(mean / median)));
  }

  /** Median of arrival less time stamp, of the last second. */
  get lagMs(): number | null {
    const sorted = [...this.#lags].sort((one, other) => one - other);
    return sorted[sorted.length >> 1] ?? null;
  }

  media(text: string, at: number): void {
    const stamp = Number(/"timestamp":"?(\d+)/.exec(text)?.[1] ?? Number.NaN);
    const payload = /"payload":"([^"]*)"/.exec(text)?.[1];
    if (Number.isNaN(stamp) || payload === undefined) return;
    this.heard += 1;
    if (this.#lastStamp !== null && stamp - this.#lastStamp !== FRAME_MS) this.holes += 1;
    this.#lastStamp = stamp;
    this.#lags.push(at - stamp);
    if (this.#lags.length > LAG_FRAMES) this.#lags.shift();
    this.#listen(Buffer.from(payload, 'base64'));
  }

  /** A frame of L16 has 16-bit zeros where one of µ-law has 0xff: what is told apart by its length. */
  #listen(frame: Buffer): void {
    const isLinear = frame.length > 160;
    const samples = isLinear ? frame.length / 2 : frame.length;
    let power = 0;
    for (let at = 0; at < samples; at++) {
      const sample = isLinear ? frame.readInt16LE(2 * at) : (muLaw[frame[at] ?? 0xff] ?? 0);
      this.#zeros = sample === 0 ? this.#zeros + FRAME_MS / samples : 0;
      if (this.#zeros > this.zeroMs) this.zeroMs = Math.round(this.#zeros);
      power += (sample * sample) / samples;
    }
    this.#powers.push(power);
    if (this.#powers.length > LEVELS) this.#powers.shift();
  }
}
