/**
 * What a thread can tell of its own load, measured by the runtime and by the metronome. Two look at it, each in its
 * own rhythm: the pool, which decides about new calls, and the metrics. Made by the thread; owns no timer.
 */
import { type EventLoopUtilization, performance } from 'node:perf_hooks';
import type { Lateness, Metronome } from '../media/metronome.ts';
import type { Vitals } from './admission.ts';

const NOTHING: Lateness = { beats: 0, skipped: 0, maxMs: 0, meanMs: 0 };

export class ThreadVitals {
  readonly #metronome: Pick<Metronome, 'takeLateness'>;
  #loop: EventLoopUtilization = performance.eventLoopUtilization();
  /** What one has seen and the other has not. */
  #forMetrics = NOTHING;
  #forPool = NOTHING;

  constructor(metronome: Pick<Metronome, 'takeLateness'>) {
    this.#metronome = metronome;
  }

  /** Since the last look of the pool. */
  look(): Vitals {
    this.#take();
    const { meanMs, maxMs } = this.#forPool;
    this.#forPool = NOTHING;
    const now = performance.eventLoopUtilization();
    const busy = performance.eventLoopUtilization(now, this.#loop).utilization;
    this.#loop = now;
    return { busy, lateMs: meanMs, worstMs: maxMs };
  }

  /** The same as the metronome's own, for the metrics. */
  takeLateness(): Lateness {
    this.#take();
    const lateness = this.#forMetrics;
    this.#forMetrics = NOTHING;
    return lateness;
  }

  #take(): void {
    const news = this.#metronome.takeLateness();
    this.#forMetrics = joined(this.#forMetrics, news);
    this.#forPool = joined(this.#forPool, news);
  }
}

function joined(one: Lateness, other: Lateness): Lateness {
  const beats = one.beats + other.beats;
  const meanMs = beats === 0 ? 0 : (one.meanMs * one.beats + other.meanMs * other.beats) / beats;
  return { beats, skipped: one.skipped + other.skipped, maxMs: Math.max(one.maxMs, other.maxMs), meanMs };
}
