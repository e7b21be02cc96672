/**
 * How long one step keeps the thread, at most: what fuzz tests hold below 20 ms. Of wall time and of time on the
 * processor the smaller counts: the first grows when another process runs, the second when the collector helps itself
 * to other threads.
 */
import assert from 'node:assert/strict';
import { systemClock } from '../../shared/kernel/clock.ts';

/** A frame: whoever takes longer is heard by every call of the thread. */
const STALL_MS = 20;

export class Stopwatch {
  worstMs = 0;
  #what = '';

  time<T>(what: string, step: () => T): T {
    const wall = systemClock.monotonic();
    const processor = process.cpuUsage();
    const result = step();
    this.#note(what, wall, processor);
    return result;
  }

  async timeAsync<T>(what: string, step: () => Promise<T>): Promise<T> {
    const wall = systemClock.monotonic();
    const processor = process.cpuUsage();
    const result = await step();
    this.#note(what, wall, processor);
    return result;
  }

  assertNoStall(): void {
    assert.ok(this.worstMs < STALL_MS, `${this.#what} took ${this.worstMs.toFixed(1)} ms`);
  }

  #note(what: string, wall: number, processor: NodeJS.CpuUsage): void {
    const { user, system } = process.cpuUsage(processor);
    const tookMs = Math.min(systemClock.monotonic() - wall, (user + system) / 1000);
    if (tookMs <= this.worstMs) return;
    this.worstMs = tookMs;
    this.#what = what;
  }
}
