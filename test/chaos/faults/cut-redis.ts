/**
 * A worker is cut off from Redis alone, for longer than its leases last: others take its calls, and the gateway tells it so
 * before they speak. It says nothing of them when it is back.
 */
import { systemClock } from '../../../shared/kernel/clock.ts';
import { pause } from '../../../shared/kernel/deadline.ts';
import { orderHarm } from '../inject-orders.ts';
import type { Fault } from '../run-fault.ts';
import { busiestOwner, hitsOf, othersGoOn } from './owners.ts';

/** What the worker that was cut off would still say, it says within this. */
const AFTERWARDS_MS = 3000;
/** It speaks until others do. */
const SILENCE_MS = 1000;

export const cutRedis = (cutOffMs: number): Fault => ({
  name: 'cut-redis',
  title: `a worker cut off from Redis for ${cutOffMs / 1000} s, alone`,
  harm: async (scene, before) => {
    const worker = scene.workerOf(busiestOwner(before));
    const hits = await hitsOf(scene, (owner) => owner.includes(`-${worker.pid}-`));
    const at = Date.now();
    orderHarm(worker.pid, { cutOffMs });
    worker.signal('SIGUSR2');
    await pause(systemClock, cutOffMs + AFTERWARDS_MS);
    return { at, hits };
  },
  holds: othersGoOn(SILENCE_MS),
});
