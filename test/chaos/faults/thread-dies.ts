/** One thread of a worker dies of itself, and its process lives: the host knows at once and hands its calls over. */
import { systemClock } from '../../../shared/kernel/clock.ts';
import { pause } from '../../../shared/kernel/deadline.ts';
import { orderHarm, type ThreadDeath } from '../inject-orders.ts';
import type { Fault } from '../run-fault.ts';
import { busiestOwner, hitsOf, othersGoOn } from './owners.ts';

/** Handed over, not waited for: far below the time a lease lasts. */
const SILENCE_MS = 1500;

interface Death {
  readonly how: ThreadDeath['how'];
  readonly title: string;
  readonly silenceMs?: number;
  /** Until it is gone with all it held. */
  readonly lastsMs?: number;
}

const threadDies = ({ how, title, silenceMs = SILENCE_MS, lastsMs = 0 }: Death): Fault => ({
  name: `thread-${how}`,
  title,
  harm: async (scene, before) => {
    const owner = busiestOwner(before);
    const worker = scene.workerOf(owner);
    const hits = await hitsOf(scene, (other) => other === owner);
    const at = Date.now();
    orderHarm(worker.pid, { thread: threadOf(owner), how });
    worker.signal('SIGUSR2');
    await pause(systemClock, lastsMs);
    return { at, hits };
  },
  holds: othersGoOn(silenceMs),
});

/** `<host>-<pid>-<thread>-<random>`. */
const threadOf = (owner: string): number => Number(owner.split('-').at(-2));

export const threadExits = threadDies({ how: 'exit', title: 'a worker thread ends by itself' });
export const threadThrows = threadDies({ how: 'throw', title: 'a bug outside all calls ends a worker thread' });
/** It collects garbage and nothing else: its calls are others' when its leases ran out, and its process ends it. */
export const threadOutOfMemory = threadDies({
  how: 'memory',
  title: 'a worker thread runs out of memory',
  silenceMs: 5000,
  lastsMs: 15_000,
});
