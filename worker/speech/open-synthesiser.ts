/**
 * Which engine speaks: flite for English, `espeak-ng` for other languages where the machine has it. A
 * voice may name its engine (`flite:slt`, `espeak:de+m2`). Opened once for each process or thread, by
 * its `main.ts`, and closed there.
 */
import type { Clock } from '../../shared/kernel/clock.ts';
import { CachedSynthesiser } from './cache.ts';
import { Espeak } from './espeak.ts';
import { Flite } from './flite.ts';
import { SpeechFailed } from './speech-failed.ts';
import type { Synthesiser, Utterance } from './synthesiser.ts';

export interface SynthesiserOptions {
  readonly clock: Clock;
  /** The espeak-ng program; null never uses one; default is to look for it. */
  readonly espeak?: string | null;
  readonly cacheBytes?: number;
}

export async function openSynthesiser({ clock, espeak, cacheBytes }: SynthesiserOptions): Promise<Synthesiser> {
  const second =
    espeak === null ? null : await Espeak.open({ clock, ...(espeak === undefined ? {} : { program: espeak }) });
  return new CachedSynthesiser(new ChosenEngine(new Flite({ clock }), second), cacheBytes);
}

/** Sends each utterance to the engine that can speak it. */
export class ChosenEngine implements Synthesiser {
  readonly #flite: Synthesiser;
  readonly #espeak: Synthesiser | null;

  constructor(flite: Synthesiser, espeak: Synthesiser | null) {
    this.#flite = flite;
    this.#espeak = espeak;
  }

  async synthesise(utterance: Utterance, rate: 8000 | 16000, signal: AbortSignal): Promise<Int16Array> {
    const { voice, language } = utterance;
    if (voice.startsWith('flite:')) {
      return await this.#flite.synthesise({ ...utterance, voice: voice.slice('flite:'.length) }, rate, signal);
    }
    const english = /^en(-|$)/i.test(language);
    const engine = voice.startsWith('espeak:') || !english ? this.#espeak : this.#flite;
    if (!engine) {
      const wanted = english ? voice : language;
      throw new SpeechFailed('no-voice', `There is no voice for ${wanted}: espeak-ng is not installed.`);
    }
    return await engine.synthesise(utterance, rate, signal);
  }

  async close(): Promise<void> {
    await Promise.all([this.#flite.close(), this.#espeak?.close()]);
  }
}
