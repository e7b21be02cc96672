/**
 * Whether this thread may still speak for its calls. A thread that was stopped (SIGSTOP, a paused machine) wakes
 * up with its sockets open and its leases long gone, and would send sound beside the next owner before it hears
 * of it. So after a stall that may have cost them nothing is sent until they were renewed again: the metronome
 * asks here, the pool tells of renewals. A stall alone is no doubt: while Redis is away nobody can take a call.
 */
import type { Clock } from '../../shared/kernel/clock.ts';

export interface LeaseTimes {
  /** How long a lease lasts unless renewed. */
  readonly lastsMs: number;
  /** How often it is renewed. */
  readonly everyMs: number;
}

/** Clocks of two machines, and a sweep under way. */
const MARGIN_MS = 250;

export class Lease {
  readonly #clock: Clock;
  readonly #times: LeaseTimes;
  readonly #onSure: () => void;
  #renewedAt: number;
  #doubtedAt: number | null = null;

  /** `onSure`: after a doubt, all calls that still run here are ours. */
  constructor(clock: Clock, times: LeaseTimes, onSure: () => void) {
    this.#clock = clock;
    this.#times = times;
    this.#onSure = onSure;
    this.#renewedAt = clock.monotonic();
  }

  /** Whether the leases have certainly outlived this stall. */
  mayGoOn(stalledMs: number): boolean {
    if (this.#doubtedAt !== null) return false;
    const { lastsMs, everyMs } = this.#times;
    const now = this.#clock.monotonic();
    const ageMs = now - this.#renewedAt;
    const wasAway = ageMs - stalledMs > 2 * everyMs;
    if (wasAway || ageMs < lastsMs - MARGIN_MS) return true;
    this.#doubtedAt = now;
    return false;
  }

  /** All leases were renewed by a step that was asked for then (monotonic), and calls that were lost are closed. */
  renewed(askedAt: number): void {
    this.#renewedAt = Math.max(this.#renewedAt, askedAt);
    if (this.#doubtedAt === null || askedAt < this.#doubtedAt) return;
    this.#doubtedAt = null;
    this.#onSure();
  }
}
