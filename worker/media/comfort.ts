/**
 * Comfort noise (RFC 3389): what is heard while the far end sends nothing on purpose. White and quiet,
 * from a small generator of its own, so that it costs nothing and two runs sound the same.
 */
import { dbfs } from './level.ts';

/** Level of an RFC 3389 payload's first byte: −dBov. */
export const comfortLevel = (firstByte: number): number => -Math.min(127, firstByte & 0x7f);

export class ComfortNoise {
  #amplitude = 0;
  #state = 0x2545_f491;

  /** Mean level in dBFS; at most −30, so that a hostile packet makes no noise. */
  set level(levelDbfs: number) {
    const rms = 32_768 * 10 ** (Math.min(-30, levelDbfs) / 20);
    this.#amplitude = rms * Math.sqrt(3);
  }

  get level(): number {
    return dbfs(this.#amplitude / Math.sqrt(3));
  }

  fill(out: Int16Array): void {
    let state = this.#state;
    const scale = this.#amplitude / 0x8000_0000;
    for (let i = 0; i < out.length; i++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      out[i] = Math.round(state * scale);
    }
    this.#state = state;
  }
}
