/** `kill -9` of a worker process in the middle of its calls; others live. */
import type { Fault } from '../run-fault.ts';
import { busiestOwner, hitsOf, othersGoOn } from './owners.ts';

export const killWorker: Fault = {
  name: 'kill-worker',
  title: 'kill -9 of a worker process',
  harm: async (scene, before) => {
    const worker = scene.workerOf(busiestOwner(before));
    const { pid } = worker;
    const hits = await hitsOf(scene, (owner) => owner.includes(`-${pid}-`));
    const at = Date.now();
    worker.signal('SIGKILL');
    return { at, hits };
  },
  holds: othersGoOn(5000),
};
