/** What `inject.ts` can be told: how a worker thread dies or loses Redis, and what makes one call fail. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export interface ThreadDeath {
  /** Which thread of its process. */
  readonly thread: number;
  readonly how: 'exit' | 'throw' | 'reject' | 'memory';
}

/** For so long no thread of the process reaches Redis. */
export interface CutOff {
  readonly cutOffMs: number;
}

/**
 * Payloads. Of RTP packets, of one length: a bug where it is read, and a bug in the next beat. Of what an app sends: a bug
 * where its stream reads it.
 */
export const words = { socket: 'BUG-IN-SOCKET', beat: 'BUG-IN-A-BEAT', stream: 'BUG-IN-A-STREAM' } as const;

const folder = mkdtempSync(path.join(os.tmpdir(), 'pivot-chaos-'));

/** Settings of a system whose workers can be hurt from inside: by way of Node's own sockets, the native ones are out of reach. */
export function injected(): Readonly<Record<string, string>> {
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const script = new URL(`./inject.${ending}`, import.meta.url).href;
  return { NODE_OPTIONS: `--import ${script}`, CHAOS_ORDERS: folder, MEDIA_SOCKETS: 'node' };
}

/** Written before SIGUSR2 is sent. */
export function orderHarm(pid: number, harm: ThreadDeath | CutOff): void {
  writeFileSync(path.join(folder, `${pid}.json`), JSON.stringify(harm));
}
