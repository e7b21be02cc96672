/**
 * What one stream carried, heard closely: whether its time stamps have holes, how long it was silent, how late it is.
 * Reads the JSON messages of both dialects without parsing them whole.
 */

const FRAME_MS = 20;
const LAG_FRAMES = 50;

export class Listener {
  holes = 0;
  heard = 0;
  zeroMs = 0;
  #lastStamp: number | null = null;
  #zeros = 0;
  readonly #lags: number[] = [];

  begin(): void {
    this.holes = 0;
    this.heard = 0;
    this.zeroMs = 0;
    this.#zeros = 0;
    this.#lastStamp = null;
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
    for (let at = 0; at < samples; at++) {
      const isZero = isLinear ? frame[2 * at] === 0 && frame[2 * at + 1] === 0 : frame[at] === 0xff;
      this.#zeros = isZero ? this.#zeros + FRAME_MS / samples : 0;
      if (this.#zeros > this.zeroMs) this.zeroMs = Math.round(this.#zeros);
    }
  }
}
