/** One thread of a worker dies of itself, and its process lives: the host knows at once and hands its calls over. */

import { orderDeath, type ThreadDeath } from '../inject-orders.ts';
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
import { steady } from './services.ts';

/** Handed over, not waited for: far below the time a lease lasts. */
const SILENCE_MS = 1500;

const threadDies = (how: ThreadDeath['how'], title: string, silenceMs = SILENCE_MS): Fault => ({
  name: `thread-${how}`,
  title,
  harm: async (scene, before) => {
    const owner = busiestOwner(before);
    const worker = scene.workerOf(owner);
    const hits = await hitsOf(scene, (other) => other === owner);
    const at = Date.now();
    orderDeath(worker.pid, { thread: threadOf(owner), how });
    worker.signal('SIGUSR2');
    return { at, hits };
  },
  holds: (after, { hits, at }) => {
    const hit = after.filter(({ sid }) => hits.has(sid));
    return [
      silentAtMost(steady(hit), silenceMs),
      movedByReinvite(hit),
      streamsReopened(hit, at),
      resumedAtItsVerb(hit),
      oneOwnerHeard(after),
      untouched(steady(after.filter(({ sid }) => !hits.has(sid)))),
    ];
  },
});

/** `<host>-<pid>-<thread>-<random>`. */
const threadOf = (owner: string): number => Number(owner.split('-').at(-2));

export const threadExits = threadDies('exit', 'a worker thread ends by itself');
export const threadThrows = threadDies('throw', 'a bug outside all calls ends a worker thread');
/** Before it dies it collects garbage and nothing else for seconds. */
export const threadOutOfMemory = threadDies('memory', 'a worker thread runs out of memory', 15_000);
