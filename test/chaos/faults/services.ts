/** Ending a service the hard or the soft way, and waiting for its successor. */
import { readFileSync } from 'node:fs';
import { descendants } from '../../support/processes.ts';
import type { Account } from '../ledger.ts';
import type { Scene } from '../scene.ts';

const AGAIN_WITHIN_MS = 15_000;

/** Sends the signal and waits until another process of that name is ready. */
export async function restarted(scene: Scene, name: string, signal: NodeJS.Signals): Promise<void> {
  const child = scene.system.stack.children.get(name);
  if (!child) throw new Error(`there is no ${name}`);
  const { pid, starts } = child;
  child.signal(signal);
  const isAgain = async (): Promise<boolean> => child.pid !== pid && child.starts > starts;
  if (!(await scene.until(isAgain, AGAIN_WITHIN_MS))) throw new Error(`${name} was not started again`);
}

/** Calls that were up when it happened. */
export const steady = (accounts: readonly Account[]): readonly Account[] =>
  accounts.filter(({ settingUp }) => !settingUp);

/** Process ids of all XML parsers. */
export function parsers(scene: Scene): readonly number[] {
  const services = [...scene.system.stack.children.values()].map(({ pid }) => pid);
  return services.flatMap((pid) => descendants(pid).filter((child) => commandOf(child).includes('parser-process')));
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
