/** How loud a track is: mean and peak over a while, in dBFS, where a full-scale sine has a mean of −3. */

/** What is shown for digital silence. */
export const SILENCE_DBFS = -96;

export interface Level {
  readonly rmsDbfs: number;
  readonly peakDbfs: number;
}

export class LevelMeter {
  #sum = 0;
  #count = 0;
  #peak = 0;

  add(samples: Int16Array): void {
    for (let i = 0; i < samples.length; i++) {
      const sample = samples[i] as number;
      this.#sum += sample * sample;
      const size = sample < 0 ? -sample : sample;
      if (size > this.#peak) this.#peak = size;
    }
    this.#count += samples.length;
  }

  /** The level since the last call of this. */
  take(): Level {
    const rms = this.#count === 0 ? 0 : Math.sqrt(this.#sum / this.#count);
    const level = { rmsDbfs: dbfs(rms), peakDbfs: dbfs(this.#peak) };
    this.#sum = this.#count = this.#peak = 0;
    return level;
  }
}

/** dBFS of an amplitude in samples, never below `SILENCE_DBFS`. */
export function dbfs(amplitude: number): number {
  return amplitude <= 0 ? SILENCE_DBFS : Math.max(SILENCE_DBFS, 20 * Math.log10(amplitude / 32_768));
}
