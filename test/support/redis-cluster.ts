/**
 * A real Redis Cluster of three nodes on free loopback ports, with a third of the slots each. It knows
 * itself from the first moment (`nodes.conf` is written for it), so that it is there in two seconds.
 */
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { freeTcpPorts } from './free-tcp-ports.ts';
import type { TestRedis } from './redis.ts';
import { exited, startServer, untilSaid } from './redis-server.ts';

const SLOTS = ['0-5460', '5461-10922', '10923-16383'] as const;

interface Node {
  readonly port: number;
  readonly busPort: number;
  readonly folder: string;
  readonly id: string;
}

export async function startTestCluster(): Promise<TestRedis> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pivot-cluster-'));
  const ports = await freeTcpPorts(SLOTS.length * 2);
  const nodes = SLOTS.map((_slots, index): Node => {
    const own = path.join(folder, String(index));
    mkdirSync(own);
    const [port = 0, busPort = 0] = ports.slice(index * 2);
    return { port, busPort, folder: own, id: randomBytes(20).toString('hex') };
  });
  for (const node of nodes) writeFileSync(path.join(node.folder, 'nodes.conf'), configOf(nodes, node));
  let children = await launchAll(nodes);
  const signal = (name: NodeJS.Signals): void => {
    for (const child of children) child.kill(name);
  };
  const down = async (): Promise<void> => {
    const gone = children.map(exited);
    signal('SIGCONT');
    signal('SIGTERM');
    await Promise.all(gone);
  };
  return {
    url: `redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    down,
    async up() {
      children = await launchAll(nodes);
    },
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    async stop() {
      await down();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function configOf(nodes: readonly Node[], own: Node): string {
  const lines = nodes.map(({ id, port, busPort }, index) => {
    const flags = id === own.id ? 'myself,master' : 'master';
    return `${id} 127.0.0.1:${port}@${busPort} ${flags} - 0 0 ${index + 1} connected ${SLOTS[index]}`;
  });
  return `${lines.join('\n')}\nvars currentEpoch ${nodes.length} lastVoteEpoch 0\n`;
}

async function launchAll(nodes: readonly Node[]): Promise<readonly ChildProcess[]> {
  const children = nodes.map(launch);
  try {
    for (const { port } of nodes) await untilSaid(port, 'CLUSTER INFO', /cluster_state:ok/);
  } catch (error) {
    for (const child of children) child.kill('SIGKILL');
    throw error;
  }
  return children;
}

function launch({ port, busPort, folder }: Node): ChildProcess {
  return startServer(folder, {
    port: String(port),
    'cluster-port': String(busPort),
    'cluster-enabled': 'yes',
    'cluster-config-file': 'nodes.conf',
    'cluster-node-timeout': '2000',
  });
}
