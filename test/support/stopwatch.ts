/**
 * How long one step keeps the thread: what fuzz tests hold below 20 ms. Of wall time and of time on the processor the
 * smaller counts: the first grows when another process runs, the second when the collector works beside us. A pause of
 * the collector itself, or of the machine, hits a step now and then: a stall is what comes more often, or is far longer.
 */
import assert from 'node:assert/strict';
import { systemClock } from '../../shared/kernel/clock.ts';

/** A frame: whoever takes longer is heard by every call of the thread. */
const STALL_MS = 20;
const NEVER_MS = 100;
/** One step of so many may be hit, and in a short run two. */
const HIT_ONCE_IN = 10_000;
const HIT_ANYWAY = 2;

export class Stopwatch {
  #steps = 0;
  #worstMs = 0;
  readonly #over: string[] = [];

  time<T>(what: string, step: () => T): T {
    const wall = systemClock.monotonic();
    const processor = process.cpuUsage();
    try {
      return step();
    } finally {
      this.#note(what, wall, processor);
    }
  }

  async timeAsync<T>(what: string, step: () => Promise<T>): Promise<T> {
    const wall = systemClock.monotonic();
    const processor = process.cpuUsage();
    try {
      return await step();
    } finally {
      this.#note(what, wall, processor);
    }
  }

  assertNoStall(): void {
    assert.ok(this.#steps > 0);
    const allowed = Math.max(HIT_ANYWAY, this.#steps / HIT_ONCE_IN);
    assert.ok(this.#over.length <= allowed, `of ${this.#steps} steps ${this.#over.length}: ${this.#over.slice(0, 9)}`);
    assert.ok(this.#worstMs < NEVER_MS, `a step took ${this.#worstMs} ms: ${this.#over}`);
  }

  #note(what: string, wall: number, processor: NodeJS.CpuUsage): void {
    const { user, system } = process.cpuUsage(processor);
    const tookMs = Math.min(systemClock.monotonic() - wall, (user + system) / 1000);
    this.#steps += 1;
    this.#worstMs = Math.max(this.#worstMs, tookMs);
    if (tookMs >= STALL_MS) this.#over.push(`${what} took ${tookMs.toFixed(1)} ms`);
  }
}
