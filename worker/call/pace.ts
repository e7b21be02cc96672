/**
 * How fast documents may follow one another, so that a redirect loop costs neither us nor the
 * application: after a burst ten a second, and a hundred within a minute is the end of it.
 */
import type { Clock } from '../../shared/kernel/clock.ts';
import { pause } from '../../shared/kernel/deadline.ts';

const BURST = 20;
const BURST_MS = 2000;
const MOST = 100;
const WINDOW_MS = 60_000;

export class Pace {
  readonly #clock: Clock;
  /** Starts of the latest documents, oldest first. */
  readonly #starts: number[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Waits for the next document's turn; false when there have been too many. */
  async turn(signal: AbortSignal): Promise<boolean> {
    const oldest = this.#starts.length >= MOST ? this.#starts.shift() : undefined;
    if (oldest !== undefined && this.#clock.monotonic() - oldest < WINDOW_MS) return false;
    const burst = this.#starts.at(-BURST);
    const waitMs = burst === undefined ? 0 : burst + BURST_MS - this.#clock.monotonic();
    if (waitMs > 0) await pause(this.#clock, waitMs, signal);
    this.#starts.push(this.#clock.monotonic());
    return true;
  }
}
