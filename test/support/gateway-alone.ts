/**
 * A real gateway process with a real Redis and nothing else: the test or the benchmark owns the
 * calls (`CallOwner`). Runs from `dist/`, like everything that starts processes.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../shared/kernel/clock.ts';
import { Closers } from '../../shared/kernel/closers.ts';
import { newAccountSid } from '../../shared/kernel/ids.ts';
import { silentLogger } from '../../shared/kernel/log.ts';
import { type Child, startChild } from '../../shared/launch/child.ts';
import { startRedis } from '../../shared/launch/redis.ts';
import type { CallQueue } from '../../shared/queue/ports.ts';
import { openQueue } from '../../shared/queue/queue.ts';
import { openStore } from '../../shared/store/open.ts';
import type { Store } from '../../shared/store/store.ts';

export interface GatewayAlone {
  readonly store: Store;
  readonly queue: CallQueue;
  readonly gateway: Child;
  readonly redisPid: number;
  /** `host:port`, UDP and TCP. */
  readonly address: string;
  /** What the gateway wrote. */
  readonly lines: string[];
  close(): Promise<void>;
}

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

export async function startGatewayAlone(environment: Readonly<Record<string, string>> = {}): Promise<GatewayAlone> {
  const closers = new Closers();
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'gateway-'));
  closers.push(() => rmSync(dataDir, { recursive: true, force: true }));
  const lines: string[] = [];
  try {
    const redis = await startRedis(dataDir, systemClock, () => undefined);
    closers.push(() => redis.stop());
    const gateway = await startChild({
      name: 'gateway',
      portSetting: 'SIP_PORT',
      file: path.join(root, 'worker/gateway/main.js'),
      environment: {
        DATA_DIR: dataDir,
        REDIS_URL: redis.url,
        ACCOUNT_SID: newAccountSid(),
        AUTH_TOKEN: 'not-used-by-the-gateway',
        SIP_PORT: '0',
        PHONES_PORT: '0',
        LOG_LEVEL: 'warn',
        DRAIN_TIMEOUT: '1s',
        ...environment,
      },
      onLine: (_service, line) => void lines.push(line),
      onDeath: (service, how) => void lines.push(`${service} ${how}`),
      clock: systemClock,
    });
    closers.push(() => gateway.stop(5000));
    const store = await openStore(redis.url, { retentionMs: 60_000 }, systemClock, silentLogger);
    closers.push(() => store.close());
    const queue = await openQueue(redis.url, systemClock, silentLogger);
    closers.push(() => queue.close());
    const close = async (): Promise<void> => void (await closers.close());
    return {
      store,
      queue,
      gateway,
      redisPid: redis.pid,
      address: `${gateway.info['host']}:${gateway.info['port']}`,
      lines,
      close,
    };
  } catch (error) {
    await closers.close();
    throw error;
  }
}

/** CPU seconds a process has used, user and system (proc(5), stat fields 14 and 15; 100 ticks a second). */
export function cpuSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Resident memory of a process in MB. */
export function megabytesOf(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kilobytes ?? 0) / 1024);
}
