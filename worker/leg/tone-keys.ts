/**
 * Keys pressed as tones in the audio (ITU-T Q.23), for a far end that did not agree on telephone-event.
 * A machine driven by the leg's beat: it writes its tones over the outbound frame.
 */
import { tonesOf } from '../media/dtmf/tones.ts';

/** Each of the two tones, about −10 dBm0. */
const AMPLITUDE = 5000;
const GAP_BEATS = 4;

interface Key {
  readonly low: number;
  readonly high: number;
  readonly beats: number;
  readonly done: () => void;
}

export class ToneKeys {
  readonly #waiting: Key[] = [];
  #current: Key | null = null;
  #beat = 0;

  /** Presses a key for `durationMs`; `done` is called when the key and the pause behind it are over. */
  press(digit: string, durationMs: number, done: () => void): void {
    const tones = tonesOf(digit.toUpperCase());
    if (tones === null) throw new RangeError('not a digit');
    this.#waiting.push({ ...tones, beats: Math.max(3, Math.ceil(durationMs / 20)), done });
  }

  /** Forgets everything; nobody is told. */
  release(): void {
    this.#waiting.length = 0;
    this.#current = null;
  }

  /** Writes the tone of this beat over `samples`; false when no key is down. */
  write(samples: Int16Array, rate: number): boolean {
    const key = this.#current ?? this.#waiting.shift() ?? null;
    if (key === null) return false;
    if (key !== this.#current) this.#beat = 0;
    this.#current = key;
    const from = this.#beat * samples.length;
    this.#beat += 1;
    if (this.#beat > key.beats) {
      samples.fill(0);
      if (this.#beat === key.beats + GAP_BEATS) {
        this.#current = null;
        key.done();
      }
      return true;
    }
    const low = (2 * Math.PI * key.low) / rate;
    const high = (2 * Math.PI * key.high) / rate;
    for (let index = 0; index < samples.length; index++) {
      const at = from + index;
      samples[index] = AMPLITUDE * (Math.sin(low * at) + Math.sin(high * at));
    }
    return true;
  }
}
