/** How many timers of our own are pending in this thread: a number that grows with the calls there were is a leak. */
import { Gauge, type Registry } from 'prom-client';
import { pendingTimers } from '../kernel/clock.ts';

export function showTimers(registry: Registry): Gauge {
  return new Gauge({
    name: 'pivot_timers',
    help: 'Timers that are pending.',
    registers: [registry],
    collect() {
      this.set(pendingTimers());
    },
  });
}
