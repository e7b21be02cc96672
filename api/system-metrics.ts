/**
 * The system as a whole, as any API process can tell it: what waits, who is there, how much room is left. Looked
 * up in Redis as Prometheus asks; while Redis is away these are missing, and `pivot_redis_up` says why.
 */
import { Gauge, type Registry } from 'prom-client';
import { withDeadline } from '../shared/kernel/deadline.ts';
import { freeCalls } from '../shared/store/room.ts';
import type { ApiDeps } from './deps.ts';

const LOOK_MS = 2000;

export class SystemMetrics {
  readonly #registers: Registry[];
  readonly #redisUp: Gauge;
  readonly #queue: Gauge;
  readonly #calls: Gauge;
  readonly #capacity: Gauge;
  readonly #free: Gauge;
  readonly #processes: Gauge;

  constructor(registry: Registry) {
    this.#registers = [registry];
    this.#redisUp = this.#gauge('pivot_redis_up', '1 when Redis answers.');
    this.#queue = this.#gauge('pivot_queue_depth', 'Jobs that wait: calls for a worker, ended calls for callbacks.', [
      'queue',
    ]);
    this.#calls = this.#gauge('pivot_system_calls', 'Calls that run, in all workers together.');
    this.#capacity = this.#gauge('pivot_system_capacity', 'Calls all workers together may run.');
    this.#free = this.#gauge('pivot_system_capacity_free', 'Calls that could be taken now: the signal for scaling.');
    this.#processes = this.#gauge('pivot_system_processes', 'Worker threads and gateways that are there.', ['kind']);
  }

  async look(deps: Pick<ApiDeps, 'store' | 'queue' | 'clock'>): Promise<void> {
    try {
      await withDeadline(deps.clock, LOOK_MS, 'Redis', this.#lookAt(deps));
      this.#redisUp.set(1);
    } catch {
      for (const gauge of [this.#calls, this.#capacity, this.#free]) gauge.remove();
      for (const labelled of [this.#queue, this.#processes]) labelled.reset();
      this.#redisUp.set(0);
    }
  }

  async #lookAt({ store, queue }: Pick<ApiDeps, 'store' | 'queue'>): Promise<void> {
    const { presence } = store;
    const asked = [queue.waiting(), queue.owing(), presence.owners(), presence.gateways()] as const;
    const [waiting, owing, owners, gateways] = await Promise.all(asked);
    const taking = owners.filter(({ draining }) => !draining);
    const capacity = taking.reduce((sum, owner) => sum + owner.capacity, 0);
    this.#queue.set({ queue: 'calls' }, waiting);
    this.#queue.set({ queue: 'callbacks' }, owing);
    this.#calls.set(owners.reduce((sum, { calls }) => sum + calls, 0));
    this.#capacity.set(capacity);
    this.#free.set(Math.max(0, freeCalls(owners) - waiting));
    this.#processes.set({ kind: 'worker-thread' }, taking.length);
    this.#processes.set({ kind: 'draining-thread' }, owners.length - taking.length);
    this.#processes.set({ kind: 'gateway' }, gateways.length);
  }

  #gauge(name: string, help: string, labelNames: readonly string[] = []): Gauge {
    return new Gauge({ name, help, labelNames, registers: this.#registers });
  }
}
