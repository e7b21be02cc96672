/** How long Redis takes to answer this process, asked once a second; one name in every process. */
import { Counter, Histogram, type Registry } from 'prom-client';
import type { Clock, Timer } from '../kernel/clock.ts';
import { withDeadline } from '../kernel/deadline.ts';

const EVERY_MS = 1000;
const WITHIN_MS = 2000;
const BUCKETS_S = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2];

export class RedisPing {
  readonly #clock: Clock;
  readonly #ping: () => Promise<number>;
  readonly #seconds: Histogram;
  readonly #errors: Counter;
  #timer: Timer | null = null;
  #closed = false;

  /** `ping` answers with milliseconds. */
  constructor(registry: Registry, clock: Clock, ping: () => Promise<number>) {
    const registers = [registry];
    this.#clock = clock;
    this.#ping = ping;
    this.#seconds = new Histogram({
      name: 'pivot_redis_ping_seconds',
      help: 'Round trip to Redis, once a second.',
      buckets: BUCKETS_S,
      registers,
    });
    this.#errors = new Counter({
      name: 'pivot_redis_ping_errors_total',
      help: 'Pings that Redis did not answer.',
      registers,
    });
    this.#schedule();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#timer = this.#clock.after(EVERY_MS, () => void this.#ask());
  }

  async #ask(): Promise<void> {
    try {
      this.#seconds.observe((await withDeadline(this.#clock, WITHIN_MS, 'Redis', this.#ping())) / 1000);
    } catch {
      this.#errors.inc();
    }
    this.#schedule();
  }
}
