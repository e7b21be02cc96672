/**
 * What the stream room asks of a resampler, and the same in whole frames. A resampler answers with what it has:
 * the first block is shorter than its share. A frame must not be, so the difference is put in front as silence.
 */
export interface Resampler {
  /** Takes any number of samples; what it answers with is lent until the next call. */
  process(samples: Int16Array): Int16Array;
  close(): void;
}

export type NewResampler = (fromRate: number, toRate: number) => Resampler;

/** Frames in, frames out: every call answers with exactly `frame` samples, lent until the next call. */
export class FrameResampler {
  readonly #resampler: Resampler;
  readonly #frame: Int16Array;
  #kept: Int16Array;
  #length = 0;

  constructor(resampler: Resampler, frame: number) {
    this.#resampler = resampler;
    this.#frame = new Int16Array(frame);
    this.#kept = new Int16Array(frame * 4);
  }

  process(samples: Int16Array): Int16Array {
    const made = this.#resampler.process(samples);
    const size = this.#frame.length;
    const missing = Math.max(0, size - this.#length - made.length);
    const total = missing + this.#length + made.length;
    if (this.#kept.length < total) this.#kept = grown(this.#kept, total);
    if (missing > 0) {
      this.#kept.copyWithin(missing, 0, this.#length);
      this.#kept.fill(0, 0, missing);
    }
    this.#kept.set(made, missing + this.#length);
    this.#frame.set(this.#kept.subarray(0, size));
    this.#kept.copyWithin(0, size, total);
    this.#length = total - size;
    return this.#frame;
  }

  close(): void {
    this.#resampler.close();
  }
}

function grown(from: Int16Array, length: number): Int16Array {
  const to = new Int16Array(length * 2);
  to.set(from);
  return to;
}
