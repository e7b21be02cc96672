/**
 * Once a second: everything of a thread that is looked at and not told. The only timer of the metrics; what it
 * costs is a few microseconds for each call. Made, started and closed by the thread.
 */
import type { Clock, Timer } from '../../shared/kernel/clock.ts';
import { freeCalls } from '../../shared/store/room.ts';
import type { OwnerState } from '../../shared/store/store.ts';
import type { Metronome } from '../media/metronome.ts';
import type { PortPool } from '../rtp/ports.ts';
import type { LegWatch } from './leg-watch.ts';
import { LoopDelay } from './loop-delay.ts';
import type { StreamWatch } from './stream-watch.ts';
import type { ThreadMetrics } from './thread-metrics.ts';

const EVERY_MS = 1000;

export interface Sampled {
  readonly metrics: ThreadMetrics;
  readonly legs: LegWatch;
  readonly streams: StreamWatch;
  readonly metronome: Pick<Metronome, 'takeLateness'>;
  readonly ports: Pick<PortPool, 'used' | 'free' | 'size'>;
  readonly pool: () => OwnerState;
  readonly clock: Clock;
}

export class Sampler {
  readonly #sampled: Sampled;
  readonly #loopDelay = new LoopDelay();
  #timer: Timer | null = null;

  constructor(sampled: Sampled) {
    this.#sampled = sampled;
    this.#schedule();
  }

  close(): void {
    this.#timer?.cancel();
    this.#loopDelay.close();
  }

  /** One look. */
  look(): void {
    const { legs, streams } = this.#sampled;
    legs.look();
    streams.look();
    this.#lookAtPool();
    this.#lookAtTime();
  }

  #lookAtPool(): void {
    const { metrics, pool, ports } = this.#sampled;
    const state = pool();
    const { calls, capacity, draining, busy = 0 } = state;
    metrics.callsRunning.set(calls);
    metrics.capacity.set(capacity);
    metrics.free.set(freeCalls([state]));
    metrics.busy.set(busy);
    metrics.draining.set(draining ? 1 : 0);
    metrics.ports.set({ state: 'used' }, ports.used);
    metrics.ports.set({ state: 'free' }, ports.free);
    metrics.ports.set({ state: 'resting' }, ports.size - ports.used - ports.free);
  }

  #lookAtTime(): void {
    const { metrics, metronome } = this.#sampled;
    metrics.loopDelay.observe(this.#loopDelay.takeWorstMs() / 1000);
    const { beats, skipped, maxMs } = metronome.takeLateness();
    metrics.beats.inc(beats);
    metrics.beatsSkipped.inc(skipped);
    if (beats > 0) metrics.beatLateness.observe(maxMs / 1000);
  }

  #schedule(): void {
    this.#timer = this.#sampled.clock.after(EVERY_MS, () => {
      this.look();
      this.#schedule();
    });
  }
}
