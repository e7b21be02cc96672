/** What the API counts of itself, for Prometheus. No sid and no address is ever a label. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { showTimers } from '../shared/metrics/timers.ts';
import { SystemMetrics } from './system-metrics.ts';

export class ApiMetrics {
  readonly registry = new Registry();
  readonly timers = showTimers(this.registry);
  readonly system = new SystemMetrics(this.registry);

  readonly requestSeconds = new Histogram({
    name: 'pivot_api_request_seconds',
    help: 'Time to answer a request.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers: [this.registry],
  });

  readonly callsCreated = new Counter({
    name: 'pivot_api_calls_created_total',
    help: 'Calls created by POST /calls.',
    registers: [this.registry],
  });

  readonly callsRefused = new Counter({
    name: 'pivot_api_calls_refused_total',
    help: 'Valid requests for a call that were not taken, by code.',
    labelNames: ['code'],
    registers: [this.registry],
  });

  readonly callsOverdue = new Counter({
    name: 'pivot_api_calls_overdue_total',
    help: 'Calls ended because nobody took them in time.',
    registers: [this.registry],
  });

  readonly callsEnded = new Counter({
    name: 'pivot_calls_total',
    help: 'Calls that ended, by direction and final status.',
    labelNames: ['direction', 'status'],
    registers: [this.registry],
  });

  readonly followers = new Gauge({
    name: 'pivot_api_followers',
    help: 'Clients that follow a timeline now.',
    registers: [this.registry],
  });
}
