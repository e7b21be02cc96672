/** A worker process is stopped (SIGSTOP), for longer than its leases last, and goes on: by then its calls have another owner. */
import { systemClock } from '../../../shared/kernel/clock.ts';
import { pause } from '../../../shared/kernel/deadline.ts';
import type { Fault } from '../run-fault.ts';
import { busiestOwner, hitsOf, othersGoOn } from './owners.ts';

/** What the old owner would still say, it says within this. */
const AFTERWARDS_MS = 3000;

export const freezeWorker = (frozenMs: number): Fault => ({
  name: 'freeze-worker',
  title: `a worker frozen for ${frozenMs / 1000} s`,
  harm: async (scene, before) => {
    const worker = scene.workerOf(busiestOwner(before));
    const { pid } = worker;
    const hits = await hitsOf(scene, (owner) => owner.includes(`-${pid}-`));
    const at = Date.now();
    worker.signal('SIGSTOP');
    try {
      await pause(systemClock, frozenMs);
    } finally {
      worker.signal('SIGCONT');
    }
    await pause(systemClock, AFTERWARDS_MS);
    return { at, hits };
  },
  holds: othersGoOn(5000),
});
