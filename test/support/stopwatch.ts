/**
 * How long one step keeps the thread: fuzz tests hold it below 20 ms of wall time, and nothing is forgiven. A step that
 * took longer is judged by running its round again: the same input in the same state stalls again, while a pause of the
 * collector or of the machine strikes another step, if any. Whoever is too slow each time is a stall. What only the first
 * of its kind in a process costs, as the compilation of a function, is not seen by this.
 */
import assert from 'node:assert/strict';
import { systemClock } from '../../shared/kernel/clock.ts';

/** A frame: whoever takes longer is heard by every call of the thread. */
const STALL_MS = 20;
/** How often a round is run again before a step of it is called a stall; less often when all were quick meanwhile. */
const REPLAYS = 7;

export class Stopwatch {
  readonly #now: () => number;
  #step = 0;
  #isReplay = false;
  /** The least time of each step that was too slow in every run so far, by its place in the round and its input. */
  readonly #suspects = new Map<string, number>();

  /** `now` in milliseconds. */
  constructor(now: () => number = () => systemClock.monotonic()) {
    this.#now = now;
  }

  /**
   * Runs a round, which must do the same whenever it is run; answers with what it did the first time.
   * @throws AssertionError when a step of it stalls, or when it has none.
   */
  async round<T>(run: () => T | Promise<T>): Promise<T> {
    this.#suspects.clear();
    this.#isReplay = false;
    this.#step = 0;
    const outcome = await run();
    assert.ok(this.#step > 0, 'a round without a step proves nothing');
    this.#isReplay = true;
    for (let replay = 0; replay < REPLAYS && this.#suspects.size > 0; replay++) {
      this.#step = 0;
      await run();
    }
    const stalls = [...this.#suspects].map(([step, ms]) => `step ${step} took ${ms.toFixed(1)} ms at best`);
    assert.equal(stalls.length, 0, stalls.slice(0, 9).join('; '));
    return outcome;
  }

  /** A step of the round; `what` names its input, and is the same in each run. */
  time<T>(what: string, step: () => T): T {
    const began = this.#now();
    try {
      return step();
    } finally {
      this.#note(what, this.#now() - began);
    }
  }

  async timeAsync<T>(what: string, step: () => Promise<T>): Promise<T> {
    const began = this.#now();
    try {
      return await step();
    } finally {
      this.#note(what, this.#now() - began);
    }
  }

  #note(what: string, tookMs: number): void {
    const step = `${this.#step++}, ${what},`;
    const before = this.#isReplay ? this.#suspects.get(step) : tookMs;
    if (before === undefined) return;
    if (tookMs < STALL_MS) this.#suspects.delete(step);
    else this.#suspects.set(step, Math.min(before, tookMs));
  }
}
