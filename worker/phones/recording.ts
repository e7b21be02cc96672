/** What a phone heard, kept in memory up to a bound, as samples or as a WAV file. A branch of the phone's tee. */

import type { AudioFrame, Tee } from '../media/frame.ts';
import { wavFile } from '../media/wav-writer.ts';

const RATE = 8000;
/** An hour. */
const MAX_SAMPLES = 3600 * RATE;

export class Recording {
  #chunks: Int16Array[] = [];
  #length = 0;
  readonly #stop: () => void;

  constructor(tee: Tee) {
    this.#stop = tee.add({ beat: (_beat, inbound) => this.#write(inbound) });
  }

  get durationMs(): number {
    return (this.#length * 1000) / RATE;
  }

  /** Everything heard so far, at 8 kHz. */
  samples(): Int16Array {
    const all = new Int16Array(this.#length);
    let at = 0;
    for (const chunk of this.#chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    this.#chunks = [all];
    return all.slice();
  }

  /** The same as a WAV file. */
  wav(): Buffer {
    return wavFile(this.samples(), RATE);
  }

  /** Ends it; what was heard stays. Idempotent. */
  stop(): void {
    this.#stop();
  }

  #write(frame: AudioFrame): void {
    if (this.#length >= MAX_SAMPLES) return;
    this.#chunks.push(frame.samples.slice());
    this.#length += frame.samples.length;
  }
}
