/** What runs below a process, from `/proc`, and whether it is gone: for tests that leave nothing behind. */
import { readdirSync, readFileSync } from 'node:fs';
import { systemClock } from '../../shared/kernel/clock.ts';
import { pause } from '../../shared/kernel/deadline.ts';

/** All descendants of a process, itself not included. */
export function descendants(pid: number): readonly number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const parent = /^\d+$/.test(name) ? parentOf(Number(name)) : null;
    if (parent !== null) parents.set(Number(name), parent);
  }
  const found: number[] = [pid];
  for (const member of found) {
    for (const [child, parent] of parents) if (parent === member) found.push(child);
  }
  return found.slice(1);
}

/** Those that still run after at most `withinMs`. A zombie counts as gone. */
export async function survivors(pids: readonly number[], withinMs: number): Promise<readonly number[]> {
  const until = systemClock.monotonic() + withinMs;
  for (;;) {
    const left = pids.filter((pid) => parentOf(pid) !== null);
    if (left.length === 0 || systemClock.monotonic() > until) return left;
    await pause(systemClock, 20);
  }
}

function parentOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' ? null : Number(parent);
  } catch {
    return null;
  }
}
