/**
 * Rings that found Redis away: they ring when it is back. In a Cluster the node of the queues can be gone while the box
 * with the letter is there; its reader would look there by itself, but only after up to a quarter of a minute.
 */
import type { Clock } from '../kernel/clock.ts';
import { pause } from '../kernel/deadline.ts';
import { RedisUnavailable } from '../store/redis.ts';

const AGAIN_MS = 250;
/** By then the reader has looked into the box. */
const LASTS_MS = 15_000;
const MOST = 1000;

interface Waiting {
  readonly ring: () => Promise<void>;
  readonly until: number;
}

export class LateRings {
  readonly #clock: Clock;
  readonly #waiting = new Map<string, Waiting>();
  #runs = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param name one ring is enough for any number of letters: the same name is rung once. */
  add(name: string, ring: () => Promise<void>): void {
    if (this.#waiting.size >= MOST) return;
    this.#waiting.set(name, { ring, until: this.#clock.monotonic() + LASTS_MS });
    if (!this.#runs) void this.#run();
  }

  /** Nothing rings any more. */
  close(): void {
    this.#waiting.clear();
  }

  async #run(): Promise<void> {
    this.#runs = true;
    while (this.#waiting.size > 0) {
      await pause(this.#clock, AGAIN_MS);
      await this.#tryAll();
    }
    this.#runs = false;
  }

  async #tryAll(): Promise<void> {
    for (const [name, { ring, until }] of this.#waiting) {
      try {
        if (this.#clock.monotonic() < until) await ring();
      } catch (error) {
        if (error instanceof RedisUnavailable) return;
      }
      this.#waiting.delete(name);
    }
  }
}
