/**
 * Remembers what was spoken: a greeting is said on every call. Bounded by bytes, least recently used
 * goes first. Those who ask for the same at the same time share one synthesis, which is given up when
 * the last of them has gone. Closing it closes the engine behind it.
 */
import { MAX_TEXT, SpeechFailed } from './speech-failed.ts';
import type { Synthesiser, Utterance } from './synthesiser.ts';

interface Shared {
  readonly work: Promise<Int16Array>;
  readonly stop: AbortController;
  askers: number;
}

export class CachedSynthesiser implements Synthesiser {
  readonly #engine: Synthesiser;
  readonly #maxBytes: number;
  readonly #kept = new Map<string, Int16Array>();
  readonly #shared = new Map<string, Shared>();
  #bytes = 0;

  /** `maxBytes` of samples are kept; default 32 MiB, about half an hour at 8 kHz. */
  constructor(engine: Synthesiser, maxBytes = 32 * 1024 * 1024) {
    this.#engine = engine;
    this.#maxBytes = maxBytes;
  }

  /** Bytes of samples kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The samples are lent: others hear the same array, so it must not be written to. */
  async synthesise(utterance: Utterance, rate: 8000 | 16000, signal: AbortSignal): Promise<Int16Array> {
    signal.throwIfAborted();
    if (utterance.text.length > MAX_TEXT) {
      throw new SpeechFailed('too-long', `A text to speak has at most ${MAX_TEXT} characters.`);
    }
    const key = JSON.stringify([utterance.voice, utterance.language, rate, utterance.text]);
    const kept = this.#kept.get(key);
    if (kept) {
      this.#kept.delete(key);
      this.#kept.set(key, kept);
      return kept;
    }
    const shared = this.#shared.get(key) ?? this.#begin(key, utterance, rate);
    return await this.#join(key, shared, signal);
  }

  async close(): Promise<void> {
    for (const { stop } of this.#shared.values()) stop.abort(new SpeechFailed('closed', 'The synthesiser is closed.'));
    this.#kept.clear();
    this.#bytes = 0;
    await this.#engine.close();
  }

  #begin(key: string, utterance: Utterance, rate: 8000 | 16000): Shared {
    const stop = new AbortController();
    const work = this.#engine.synthesise(utterance, rate, stop.signal);
    const shared: Shared = { work, stop, askers: 0 };
    this.#shared.set(key, shared);
    work.then(
      (samples) => {
        this.#drop(key, shared);
        this.#keep(key, samples);
      },
      () => this.#drop(key, shared),
    );
    return shared;
  }

  #join(key: string, shared: Shared, signal: AbortSignal): Promise<Int16Array> {
    shared.askers++;
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        shared.askers--;
        reject(signal.reason);
        if (shared.askers > 0) return;
        this.#drop(key, shared);
        shared.stop.abort(signal.reason);
      };
      signal.addEventListener('abort', leave, { once: true });
      const settled = (): void => signal.removeEventListener('abort', leave);
      shared.work.then(resolve, reject).finally(settled);
    });
  }

  #drop(key: string, shared: Shared): void {
    if (this.#shared.get(key) === shared) this.#shared.delete(key);
  }

  #keep(key: string, samples: Int16Array): void {
    if (samples.byteLength > this.#maxBytes / 4) return;
    this.#kept.set(key, samples);
    this.#bytes += samples.byteLength;
    for (const [oldest, { byteLength }] of this.#kept) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#kept.delete(oldest);
      this.#bytes -= byteLength;
    }
  }
}
