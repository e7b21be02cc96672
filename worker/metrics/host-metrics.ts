/** What a worker process shows: the figures of its threads side by side, and those of the process itself. */
import { AggregatorRegistry, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { MetricsValues } from './thread-metrics.ts';

export class HostMetrics {
  readonly #own = new Registry();
  readonly #threads: () => Promise<readonly MetricsValues[]>;

  /** `wanted`: how many threads there should be; `threads`: the figures of those that answer. */
  constructor(wanted: number, threads: () => Promise<readonly MetricsValues[]>) {
    this.#threads = threads;
    collectDefaultMetrics({ register: this.#own });
    this.#threadsGauge = new Gauge({
      name: 'pivot_worker_threads',
      help: 'Threads of this worker: those that should be there and those that answer.',
      labelNames: ['state'],
      registers: [this.#own],
    });
    this.#threadsGauge.set({ state: 'wanted' }, wanted);
  }

  readonly #threadsGauge: Gauge;

  async text(): Promise<string> {
    const threads = await this.#threads();
    this.#threadsGauge.set({ state: 'answering' }, threads.length);
    const own = await this.#own.getMetricsAsJSON();
    return await AggregatorRegistry.aggregate([own, ...threads]).metrics();
  }
}
