/**
 * The threads that V8 has beside ours, for collecting garbage and compiling, four in each process: they begin at once and
 * have as much right to a core as the thread that owes every caller a frame each 20 ms. Whoever starts a process says here
 * that they come after it.
 */
import { readdirSync } from 'node:fs';
import os from 'node:os';

const TASKS = '/proc/self/task';
/**
 * A tenth of the weight of the calling thread (sched(7)): too little to be heard, and enough to get on. With a two-hundredth
 * of it, code that a collection had thrown away was compiled again only after seconds, and ran four times slower meanwhile.
 */
const GIVES_WAY = 10;
const LEAST = 19;

/**
 * All threads there are but this one give way to it from here on; those made later do not. Call it on the main thread before it
 * makes threads of its own, and again when its own priority was raised. Needs no privilege. Where threads have no priority of their own (not Linux) nothing is done.
 */
export function yieldBackgroundThreads(): void {
  const priority = Math.min(LEAST, os.getPriority() + GIVES_WAY);
  for (const thread of otherThreads()) {
    try {
      os.setPriority(thread, priority);
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
