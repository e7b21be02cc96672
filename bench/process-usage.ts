/** What a process has used, from `/proc` (Linux): CPU milliseconds of all its threads, kilobytes of memory. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** USER_HZ is 100 on every Linux that runs Node. */
const MS_PER_TICK = 10;

/** The process and everything below it. */
export function familyOf(pid: number): readonly number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = fields(Number(name))?.[1];
    if (parent === undefined) continue;
    const siblings = children.get(Number(parent)) ?? [];
    siblings.push(Number(name));
    children.set(Number(parent), siblings);
  }
  const family = [pid];
  for (const member of family) family.push(...(children.get(member) ?? []));
  return family;
}

/** User and system time so far. */
export function cpuMs(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const stat = fields(pid);
    if (stat) ticks += Number(stat[11]) + Number(stat[12]);
  }
  return ticks * MS_PER_TICK;
}

/** Memory in kilobytes; what processes share (Node's own code, above all) counts once. */
export function memoryKb(pids: readonly number[]): number {
  let kb = 0;
  for (const pid of pids) {
    try {
      kb += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
    } catch {
      // It has ended meanwhile.
    }
  }
  return kb;
}

/** Pins all threads to a core; false where that cannot be done. */
export function pin(pids: readonly number[], cores: string): boolean {
  return pids.every(
    (pid) => spawnSync('taskset', ['-a', '-p', '-c', cores, String(pid)], { stdio: 'ignore' }).status === 0,
  );
}

/**
 * Real-time priority for the load, so that its own delays do not spoil the run, and `nice` −20 for the system
 * where other work shares the machine; false where that is not permitted.
 */
export function prefer(pids: readonly number[], how: 'real-time' | 'nice'): boolean {
  const command = (id: string): [string, string[]] =>
    how === 'real-time' ? ['chrt', ['-r', '-p', '5', id]] : ['renice', ['-n', '-20', '-p', id]];
  return pids
    .flatMap((pid) => readdirSync(`/proc/${pid}/task`))
    .every((thread) => spawnSync(...command(thread), { stdio: 'ignore' }).status === 0);
}

/** The fields of `/proc/<pid>/stat` from the third (state) on. */
function fields(pid: number): readonly string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}
