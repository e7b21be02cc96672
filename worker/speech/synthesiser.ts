/** Text to sound. One engine behind this; the engines are `flite.ts` (built in) and `espeak.ts`. */

export interface Utterance {
  readonly text: string;
  /** BCP 47, as TwiML gives it, lower case; `en-us` by default. */
  readonly language: string;
  /** `man`, `woman` or an engine's own voice name. */
  readonly voice: string;
}

export interface Synthesiser {
  /** Mono samples at `rate`. Rejects with an expected failure when it cannot, or with the signal's reason. */
  synthesise(utterance: Utterance, rate: 8000 | 16000, signal: AbortSignal): Promise<Int16Array>;
  close(): Promise<void>;
}
