/** What `inject.ts` can be told: how a worker thread dies, and what makes one call fail. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export interface ThreadDeath {
  /** Which thread of its process. */
  readonly thread: number;
  readonly how: 'exit' | 'throw' | 'reject' | 'memory';
}

/**
 * Payloads. Of RTP packets, of one length: a bug where it is read, and a bug in the next beat. Of what an app sends: a bug
 * where its stream reads it.
 */
export const words = { socket: 'BUG-IN-SOCKET', beat: 'BUG-IN-A-BEAT', stream: 'BUG-IN-A-STREAM' } as const;

const folder = mkdtempSync(path.join(os.tmpdir(), 'pivot-chaos-'));

/** Settings of a system whose workers can be hurt from inside. */
export function injected(): Readonly<Record<string, string>> {
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return { NODE_OPTIONS: `--import ${new URL(`./inject.${ending}`, import.meta.url).href}`, CHAOS_ORDERS: folder };
}

/** Written before SIGUSR2 is sent. */
export function orderDeath(pid: number, death: ThreadDeath): void {
  writeFileSync(path.join(folder, `${pid}.json`), JSON.stringify(death));
}
