/** The running timers of one transaction, by letter. Owned by it and cleared when it terminates. */
import type { Clock, Timer } from '../../../shared/kernel/clock.ts';
import type { TimerName } from './timers.ts';

export class TimerSet {
  readonly #clock: Clock;
  readonly #running = new Map<TimerName, Timer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  arm(name: TimerName, afterMs: number, fire: () => void): void {
    this.#running.get(name)?.cancel();
    this.#running.set(
      name,
      this.#clock.after(afterMs, () => {
        this.#running.delete(name);
        fire();
      }),
    );
  }

  disarm(name: TimerName): void {
    this.#running.get(name)?.cancel();
    this.#running.delete(name);
  }

  clear(): void {
    for (const timer of this.#running.values()) timer.cancel();
    this.#running.clear();
  }
}
