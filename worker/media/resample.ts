/**
 * From one sample rate to another without images or seams. `FrameResampler` is for the audio path: a
 * frame in, the same 20 ms out, 5 ms late at most. `FileResampler` is for files: any length in, and no
 * delay, as if the whole file had been one piece. Whoever makes one closes it.
 */
import { SpeexState } from './speex.ts';

export class FrameResampler {
  readonly from: number;
  readonly to: number;
  readonly #state: SpeexState | null;

  /** @throws RangeError for rates that do not make whole frames. */
  constructor(from: number, to: number) {
    if (from % 50 !== 0 || to % 50 !== 0) throw new RangeError('20 ms must be a whole number of samples.');
    this.from = from;
    this.to = to;
    this.#state = from === to ? null : new SpeexState(from, to, false);
  }

  /**
   * Resamples a whole number of frames into the start of `out`; answers with the samples written,
   * always the same share of time as came in.
   * @throws RangeError when `out` is too short.
   */
  process(frame: Int16Array, out: Int16Array): number {
    if (out.length < (frame.length * this.to) / this.from) throw new RangeError('The frame to fill is too short.');
    if (!this.#state) {
      out.set(frame);
      return frame.length;
    }
    return this.#state.processInto(frame, out);
  }

  close(): void {
    this.#state?.close();
  }
}

export class FileResampler {
  readonly #from: number;
  readonly #to: number;
  readonly #state: SpeexState | null;
  #read = 0;
  #written = 0;

  constructor(from: number, to: number) {
    this.#from = from;
    this.#to = to;
    this.#state = from === to ? null : new SpeexState(from, to, true);
  }

  /** The next samples, the caller's to keep; they run up to 10 ms behind until `end`. */
  push(samples: Int16Array): Int16Array {
    this.#read += samples.length;
    return this.#state ? this.#process(this.#state, samples, Number.POSITIVE_INFINITY) : samples;
  }

  /** What is left; in all there are as many milliseconds as came in. */
  end(): Int16Array {
    if (!this.#state) return new Int16Array(0);
    const missing = Math.max(0, Math.round((this.#read * this.#to) / this.#from) - this.#written);
    const tail = this.#state.inputLatency + Math.ceil((missing * this.#from) / this.#to);
    return this.#process(this.#state, new Int16Array(tail), missing);
  }

  close(): void {
    this.#state?.close();
  }

  #process(state: SpeexState, samples: Int16Array, most: number): Int16Array {
    const expected = Math.ceil((samples.length * this.#to) / this.#from) + 2;
    let out = new Int16Array(expected);
    let length = 0;
    state.process(samples, (piece) => {
      if (length + piece.length > out.length) {
        const longer = new Int16Array(2 * (length + piece.length));
        longer.set(out);
        out = longer;
      }
      out.set(piece, length);
      length += piece.length;
    });
    const taken = Math.min(length, most);
    this.#written += taken;
    return out.subarray(0, taken);
  }
}
