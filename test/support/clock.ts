/** A clock that stands still until told: `advance` runs what falls due, in order, synchronously. */
import type { Clock, Timer } from '../../shared/kernel/clock.ts';

interface Pending {
  readonly at: number;
  readonly order: number;
  readonly fire: () => void;
}

export class ManualClock implements Clock {
  #now: number;
  #order = 0;
  #pending: Pending[] = [];

  constructor(startMs = 1_700_000_000_000) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  after(delayMs: number, fire: () => void): Timer {
    const pending: Pending = { at: this.#now + Math.max(0, delayMs), order: this.#order++, fire };
    this.#pending.push(pending);
    return { cancel: () => this.#drop(pending) };
  }

  /** Timers not yet fired: a leak check. */
  get pending(): number {
    return this.#pending.length;
  }

  /** Moves time on by `ms`, firing everything that falls due, also what is set meanwhile. */
  advance(ms: number): void {
    const until = this.#now + ms;
    for (let next = this.#next(until); next; next = this.#next(until)) {
      this.#drop(next);
      this.#now = Math.max(this.#now, next.at);
      next.fire();
    }
    this.#now = until;
  }

  #next(until: number): Pending | undefined {
    return this.#pending
      .filter((pending) => pending.at <= until)
      .sort((one, other) => one.at - other.at || one.order - other.order)[0];
  }

  #drop(pending: Pending): void {
    this.#pending = this.#pending.filter((other) => other !== pending);
  }
}
