/** What a gateway process shows to Prometheus: its counters under their own names, set-up times, and itself. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Ending } from '../../shared/domain/ending.ts';
import type { Clock } from '../../shared/kernel/clock.ts';
import { RedisPing } from '../../shared/metrics/redis-ping.ts';
import { showTimers } from '../../shared/metrics/timers.ts';
import { type CountersListener, counterNames, type TimeName } from './counters.ts';
import type { GatewayFigures } from './gateway.ts';

const SET_UP = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export interface GatewayMetricsParts {
  readonly figures: () => GatewayFigures;
  readonly ping: () => Promise<number>;
  readonly clock: Clock;
}

export class GatewayMetrics implements CountersListener {
  readonly #parts: GatewayMetricsParts;
  readonly #registry = new Registry();
  readonly #redisPing: RedisPing;
  readonly #counters = counterNames.map((name) => ({
    name,
    counter: new Counter({
      name: `pivot_gateway_${snake(name)}_total`,
      help: `${words(name)}.`,
      registers: [this.#registry],
    }),
  }));
  readonly #calls = this.#gauge('pivot_gateway_calls', 'Calls this gateway holds now.');
  readonly #legs = this.#gauge('pivot_gateway_legs', 'Legs of them that are not over.');
  readonly #waiting = this.#gauge('pivot_gateway_waiting_to_write', 'Letters and entries that wait for Redis.');
  readonly #storeAway = this.#gauge('pivot_gateway_store_away', '1 while Redis is away and new calls are refused.');
  readonly #postToInvite = this.#histogram('pivot_call_post_to_invite_seconds', 'From POST /calls to our INVITE.');
  readonly #ended = new Counter({
    name: 'pivot_calls_total',
    help: 'Calls that ended, by direction and final status.',
    labelNames: ['direction', 'status'],
    registers: [this.#registry],
  });
  readonly #inviteToAnswer = this.#histogram('pivot_call_invite_to_answer_seconds', 'From an INVITE to its 200.', [
    'direction',
  ]);

  constructor(parts: GatewayMetricsParts) {
    this.#parts = parts;
    collectDefaultMetrics({ register: this.#registry });
    showTimers(this.#registry);
    this.#redisPing = new RedisPing(this.#registry, parts.clock, parts.ping);
  }

  onTime(name: TimeName, ms: number): void {
    if (name === 'postToInvite') this.#postToInvite.observe(ms / 1000);
    else this.#inviteToAnswer.observe({ direction: name === 'inviteToAnswerIn' ? 'inbound' : 'outbound' }, ms / 1000);
  }

  onUnclaimedEnd({ status }: Ending): void {
    this.#ended.inc({ direction: 'inbound', status });
  }

  text(): Promise<string> {
    const figures = this.#parts.figures();
    for (const { name, counter } of this.#counters) {
      counter.reset();
      counter.inc(figures[name]);
    }
    this.#calls.set(figures.calls);
    this.#legs.set(figures.legs);
    this.#waiting.set(figures.waitingToWrite);
    this.#storeAway.set(figures.storeAway ? 1 : 0);
    return this.#registry.metrics();
  }

  close(): void {
    this.#redisPing.close();
  }

  #gauge(name: string, help: string): Gauge {
    return new Gauge({ name, help, registers: [this.#registry] });
  }

  #histogram(name: string, help: string, labelNames: readonly string[] = []): Histogram {
    return new Histogram({ name, help, labelNames, buckets: SET_UP, registers: [this.#registry] });
  }
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const words = (name: string): string => {
  const text = snake(name).replaceAll('_', ' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
};
