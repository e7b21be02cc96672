/**
 * A CPU of its own for each thread, where `THREAD_CPUS` asks for it: the kernel moves threads between cores by what it sees
 * over many milliseconds, and meanwhile two of ours may share one core while another is idle.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { ExpectedFailure } from '../shared/kernel/expected-failure.ts';
import { type CpuList, cpusOf } from '../shared/settings.ts';

/**
 * The CPU of the thread with this index: the list in turn; null when the kernel decides.
 *
 * @throws ExpectedFailure for `all` where the system does not tell which CPUs this process may use (not Linux).
 */
export function cpuOfThread(index: number, list: CpuList): number | null {
  const cpus = list === 'all' ? allowedCpus() : list;
  return cpus[index % cpus.length] ?? null;
}

/**
 * Keeps the calling thread, and no other, on this CPU from here on.
 *
 * @throws ExpectedFailure with the reason when that cannot be done: no such CPU, not allowed, no `taskset`, not Linux.
 */
export function keepTo(cpu: number): void {
  // The link is read by the thread that asks: `<process>/task/<thread>`.
  const thread = path.basename(ask(() => readlinkSync('/proc/thread-self')));
  const { status, stderr, error } = spawnSync('taskset', ['-p', '-c', String(cpu), thread], { encoding: 'utf8' });
  if (status !== 0) throw new ExpectedFailure(`THREAD_CPUS: CPU ${cpu}: ${error?.message ?? stderr.trim()}`);
}

function allowedCpus(): readonly number[] {
  const status = ask(() => readFileSync('/proc/self/status', 'utf8'));
  return cpusOf(/^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? '');
}

function ask(question: () => string): string {
  try {
    return question();
  } catch (error) {
    throw new ExpectedFailure(`THREAD_CPUS is for Linux: ${String(error)}`);
  }
}
