/**
 * The gateway's pulse: says in Redis that it is there, looks at the workers, and learns that way whether Redis is
 * there. One round a second, four while it is not; while Redis is away new calls are refused at once instead of
 * after a time-out.
 */
import type { Clock, Timer } from '../../shared/kernel/clock.ts';
import { withDeadline } from '../../shared/kernel/deadline.ts';

export interface PulseOptions {
  readonly clock: Clock;
  /** One sign of life written to Redis, and a look around. */
  readonly announce: () => Promise<void>;
  /** Redis came or went. */
  readonly onChange: (away: boolean) => void;
}

const EVERY_MS = 1000;
/** While Redis is away: callers are refused until it is seen to be back. */
const AWAY_EVERY_MS = 250;
const DEADLINE_MS = 2000;

export class Pulse {
  readonly #options: PulseOptions;
  #timer: Timer | null = null;
  #away = false;
  #stopped = false;

  constructor(options: PulseOptions) {
    this.#options = options;
  }

  /** Beats once and then every second until stopped. */
  async beat(): Promise<void> {
    const { clock, announce, onChange } = this.#options;
    let away = false;
    try {
      await withDeadline(clock, DEADLINE_MS, 'Redis', announce());
    } catch {
      away = true;
    }
    if (this.#stopped) return;
    if (away !== this.#away) {
      this.#away = away;
      onChange(away);
    }
    this.#timer = clock.after(away ? AWAY_EVERY_MS : EVERY_MS, () => void this.beat());
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }
}
