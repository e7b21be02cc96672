/**
 * Whether a thread still lives: its host asks once a second, and a thread that has not answered ten times in a row (a loop
 * without end, memory that is collected and nothing else) will not come back; the calls it had are others' by then.
 * Counted in questions and not in time, so that a process that was stopped as a whole blames nobody. One per thread.
 */
import type { Clock, Timer } from '../shared/kernel/clock.ts';

export const PULSE_EVERY_MS = 1000;
const MOST_UNANSWERED = 10;

export interface PulseOptions {
  readonly clock: Clock;
  readonly ask: () => void;
  /** Told once. */
  readonly onSilent: () => void;
}

export class Pulse {
  readonly #options: PulseOptions;
  #unanswered = 0;
  #timer: Timer;

  constructor(options: PulseOptions) {
    this.#options = options;
    this.#timer = this.#next();
  }

  answered(): void {
    this.#unanswered = 0;
  }

  close(): void {
    this.#timer.cancel();
  }

  #next(): Timer {
    const { clock, ask, onSilent } = this.#options;
    return clock.after(PULSE_EVERY_MS, () => {
      if (this.#unanswered >= MOST_UNANSWERED) {
        onSilent();
        return;
      }
      this.#unanswered += 1;
      ask();
      this.#timer = this.#next();
    });
  }
}
