/**
 * A primary with a replica and three Sentinels on free loopback ports, which agree within a second that
 * a primary is gone and put the replica in its place.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { freePorts } from './free-ports.ts';
import { exited, startSentinel, startServer, untilSaid } from './redis-server.ts';

const MASTER = 'pivot';
const SENTINELS = 3;

export interface TestSentinels {
  /** What `REDIS_URL` takes. */
  readonly url: string;
  /** Of servers and Sentinels. */
  readonly ports: readonly number[];
  /** Kills the primary (SIGKILL); resolves when the replica has taken over. */
  failOver(): Promise<void>;
  stop(): Promise<void>;
}

export async function startTestSentinels(): Promise<TestSentinels> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pivot-sentinel-'));
  const primaryPort = await freePorts(2 + SENTINELS);
  const replicaPort = primaryPort + 1;
  const sentinelPorts = Array.from({ length: SENTINELS }, (_none, index) => primaryPort + 2 + index);
  const place = (name: string): string => {
    mkdirSync(path.join(folder, name));
    return path.join(folder, name);
  };
  const primary = startServer(place('primary'), { port: String(primaryPort) });
  const replica = startServer(place('replica'), {
    port: String(replicaPort),
    replicaof: `127.0.0.1 ${primaryPort}`,
    'repl-diskless-sync-delay': '0',
  });
  const children: ChildProcess[] = [primary, replica];
  const stop = async (): Promise<void> => {
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(children.map(exited));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await untilSaid(replicaPort, 'INFO replication', /master_link_status:up/);
    for (const port of sentinelPorts) {
      const file = path.join(place(`sentinel-${port}`), 'sentinel.conf');
      writeFileSync(file, configOf(port, primaryPort, path.dirname(file)));
      children.push(startSentinel(file));
    }
    for (const port of sentinelPorts) {
      await untilSaid(port, 'INFO sentinel', new RegExp(`status=ok,.*slaves=1,sentinels=${SENTINELS}`));
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: `redis+sentinel://${sentinelPorts.map((port) => `127.0.0.1:${port}`).join(',')}/${MASTER}`,
    ports: [primaryPort, replicaPort, ...sentinelPorts],
    async failOver() {
      primary.kill('SIGKILL');
      await exited(primary);
      await untilSaid(replicaPort, 'INFO replication', /role:master/);
    },
    stop,
  };
}

const configOf = (port: number, primaryPort: number, folder: string): string => `
bind 127.0.0.1
port ${port}
dir ${folder}
sentinel monitor ${MASTER} 127.0.0.1 ${primaryPort} 2
sentinel down-after-milliseconds ${MASTER} 500
sentinel failover-timeout ${MASTER} 5000
`;
