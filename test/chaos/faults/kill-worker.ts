/** `kill -9` of a worker process in the middle of its calls; others live. */
import {
  movedByReinvite,
  oneOwnerHeard,
  resumedAtItsVerb,
  silentAtMost,
  streamsReopened,
  untouched,
} from '../judge.ts';
import type { Fault } from '../run-fault.ts';
import { busiestOwner, hitsOf } from './owners.ts';

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
  holds: (after, { hits, at }) => {
    const hit = after.filter(({ sid }) => hits.has(sid));
    const spared = after.filter(({ sid, settingUp }) => !hits.has(sid) && !settingUp);
    return [
      silentAtMost(
        hit.filter(({ settingUp }) => !settingUp),
        5000,
      ),
      movedByReinvite(hit),
      streamsReopened(hit, at),
      resumedAtItsVerb(hit),
      oneOwnerHeard(after),
      untouched(spared),
    ];
  },
};
