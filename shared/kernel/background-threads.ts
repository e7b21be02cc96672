/**
 * The threads that V8 has beside ours, for collecting garbage and compiling, four in each process: they begin at once and
 * have as much right to a core as the thread that owes every caller a frame each 20 ms. Whoever starts a process says here
 * that they come after it.
 */
import { readdirSync } from 'node:fs';
import os from 'node:os';

const TASKS = '/proc/self/task';
/** A tenth of the weight of an ordinary thread (sched(7)): enough to get on with it, too little to be heard. */
const GIVES_WAY = 10;

/**
 * All threads there are but this one give way from here on; those made later do not. Call it on the main thread before it
 * makes threads of its own. Needs no privilege. Where threads have no priority of their own (not Linux) nothing is done.
 */
export function yieldBackgroundThreads(): void {
  for (const thread of otherThreads()) {
    try {
      os.setPriority(thread, GIVES_WAY);
    } catch {
      // It has ended meanwhile, or is niced further already.
    }
  }
}

function otherThreads(): readonly number[] {
  try {
    return readdirSync(TASKS)
      .map(Number)
      .filter((thread) => thread !== process.pid);
  } catch {
    // Not Linux, or without /proc.
    return [];
  }
}
