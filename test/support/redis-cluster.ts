/**
 * A real Redis Cluster of three primaries on free loopback ports, with a third of the slots each, and a replica for
 * each where that is asked for. It knows itself from the first moment (`nodes.conf` is written for it), so that it is
 * there in two seconds.
 */
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { freePorts } from './free-ports.ts';
import type { TestRedis } from './redis.ts';
import { ask, exited, startServer, untilSaid } from './redis-server.ts';
import { tlsSettings } from './redis-tls.ts';

/** At starting it. */
const ATTEMPTS = 3;
const SLOTS = ['0-5460', '5461-10922', '10923-16383'] as const;

export interface ClusterOptions {
  /** Each primary has one. */
  readonly replicas?: boolean;
  /** Among the nodes as well; the plain ports stay, for whoever only looks. */
  readonly tls?: boolean;
}

export interface TestCluster extends TestRedis {
  /** Without TLS. */
  readonly plainUrl: string;
  /** Those clients are told, of replicas too. */
  readonly ports: readonly number[];
  /** Which primary has the key: its plain port. */
  primaryOf(key: string): Promise<number>;
  /** Kills the primary of the key (SIGKILL); resolves when its replica has taken over and every node has heard of it. */
  failOver(key: string): Promise<void>;
  /** Gives the slot of the key with all keys on it to another primary, as resharding does. */
  moveSlot(key: string): Promise<void>;
}

interface Node {
  readonly port: number;
  readonly busPort: number;
  /** Null without TLS. */
  readonly tlsPort: number | null;
  readonly folder: string;
  readonly id: string;
  /** Null for a primary. */
  readonly primary: Node | null;
}

interface Running {
  readonly node: Node;
  readonly child: ChildProcess;
}

export async function startTestCluster(options: ClusterOptions = {}): Promise<TestCluster> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pivot-cluster-'));
  let { nodes, running } = await launchOnFreePorts(folder, options);
  const signal = (name: NodeJS.Signals): void => {
    for (const { child } of running) child.kill(name);
  };
  const down = async (): Promise<void> => {
    const gone = running.map(({ child }) => exited(child));
    signal('SIGCONT');
    signal('SIGTERM');
    await Promise.all(gone);
  };
  const { scheme, portOf } = options.tls ? tlsAddress : plainAddress;
  const urlOf = (name: string, port: (node: Node) => number): string =>
    `${name}+cluster://${nodes.map((node) => `127.0.0.1:${port(node)}`).join(',')}`;
  return {
    url: urlOf(scheme, portOf),
    plainUrl: urlOf(plainAddress.scheme, plainAddress.portOf),
    ports: nodes.map(portOf),
    down,
    async up() {
      running = await launchAll(nodes);
    },
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    primaryOf: async (key) => (await ownerOf(running, await slotOf(running, key))).node.port,
    failOver: (key) => failOver(running, key),
    moveSlot: (key) => moveSlot(running, key),
    async stop() {
      await down();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const plainAddress = { scheme: 'redis', portOf: (node: Node) => node.port } as const;
const tlsAddress = { scheme: 'rediss', portOf: (node: Node) => node.tlsPort ?? 0 } as const;

/** A port that was free may be taken before a node listens there: then all get others. */
async function launchOnFreePorts(
  folder: string,
  options: ClusterOptions,
): Promise<{ readonly nodes: readonly Node[]; running: readonly Running[] }> {
  for (let attempt = 1; ; attempt++) {
    const nodes = await makeNodes(path.join(folder, String(attempt)), options);
    for (const node of nodes) writeFileSync(path.join(node.folder, 'nodes.conf'), configOf(nodes, node));
    try {
      return { nodes, running: await launchAll(nodes) };
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

async function makeNodes(folder: string, { replicas = false, tls = false }: ClusterOptions): Promise<readonly Node[]> {
  const count = SLOTS.length * (replicas ? 2 : 1);
  const first = await freePorts(count * 3);
  const nodes: Node[] = [];
  for (let index = 0; index < count; index++) {
    const own = path.join(folder, String(index));
    mkdirSync(own, { recursive: true });
    const port = first + 3 * index;
    const primary = nodes[index - SLOTS.length] ?? null;
    const id = randomBytes(20).toString('hex');
    nodes.push({ port, busPort: port + 1, tlsPort: tls ? port + 2 : null, folder: own, id, primary });
  }
  return nodes;
}

function configOf(nodes: readonly Node[], own: Node): string {
  const lines = nodes.map(({ id, port, tlsPort, busPort, primary }, index) => {
    const flags = `${id === own.id ? 'myself,' : ''}${primary ? 'slave' : 'master'}`;
    const epoch = (index % SLOTS.length) + 1;
    const slots = primary ? '' : ` ${SLOTS[index]}`;
    return `${id} 127.0.0.1:${tlsPort ?? port}@${busPort} ${flags} ${primary?.id ?? '-'} 0 0 ${epoch} connected${slots}`;
  });
  return `${lines.join('\n')}\nvars currentEpoch ${SLOTS.length} lastVoteEpoch 0\n`;
}

async function launchAll(nodes: readonly Node[]): Promise<readonly Running[]> {
  // A failover is to be quick; without replicas nobody is to be thought dead because the machine is busy.
  const timeoutMs = nodes.some(({ primary }) => primary !== null) ? 1000 : 5000;
  const running = nodes.map((node) => ({ node, child: launch(node, timeoutMs) }));
  try {
    const gone = running.map(async ({ child }) => {
      await exited(child);
      throw new Error('a node ended while starting');
    });
    await Promise.race([areOne(nodes), ...gone]);
  } catch (error) {
    for (const { child } of running) child.kill('SIGKILL');
    throw error;
  }
  return running;
}

async function areOne(nodes: readonly Node[]): Promise<void> {
  for (const { port, primary } of nodes) {
    await untilSaid(port, 'CLUSTER INFO', /cluster_state:ok/);
    if (primary) await untilSaid(port, 'INFO replication', /role:master|master_link_status:up/);
  }
}

function launch({ port, busPort, tlsPort, folder }: Node, timeoutMs: number): ChildProcess {
  return startServer(folder, {
    port: String(port),
    'cluster-port': String(busPort),
    'cluster-enabled': 'yes',
    'cluster-config-file': 'nodes.conf',
    'cluster-node-timeout': String(timeoutMs),
    'repl-diskless-sync-delay': '0',
    ...(tlsPort === null ? {} : { ...tlsSettings(tlsPort), 'tls-cluster': 'yes', 'tls-replication': 'yes' }),
  });
}

const living = (running: readonly Running[]): readonly Running[] =>
  running.filter(({ child }) => child.exitCode === null && child.signalCode === null);

async function slotOf(running: readonly Running[], key: string): Promise<number> {
  const [any] = living(running);
  return Number((await ask(any?.node.port ?? 0, `CLUSTER KEYSLOT ${key}`)).slice(1));
}

/** The node that says itself that it serves the slot. */
async function ownerOf(running: readonly Running[], slot: number): Promise<Running> {
  for (const one of living(running)) {
    const line = /^.*\bmyself,master\b.*$/m.exec(await ask(one.node.port, 'CLUSTER NODES'))?.[0] ?? '';
    const ranges = line
      .split(' ')
      .slice(8)
      .map((text) => text.split('-').map(Number));
    if (ranges.some(([from = -1, to = from]) => slot >= from && slot <= to)) return one;
  }
  throw new Error(`nobody has slot ${slot}`);
}

async function failOver(running: readonly Running[], key: string): Promise<void> {
  const lost = await ownerOf(running, await slotOf(running, key));
  const replica = running.find(({ node }) => node.primary === lost.node);
  if (!replica) throw new Error('this primary has no replica');
  lost.child.kill('SIGKILL');
  await exited(lost.child);
  await untilSaid(replica.node.port, 'INFO replication', /role:master/);
  for (const { node } of living(running)) {
    await untilSaid(node.port, 'CLUSTER NODES', new RegExp(`^${replica.node.id} \\S+ (myself,)?master `, 'm'));
    await untilSaid(node.port, 'CLUSTER INFO', /cluster_state:ok/);
  }
}

async function moveSlot(running: readonly Running[], key: string): Promise<void> {
  const slot = await slotOf(running, key);
  const { node: from } = await ownerOf(running, slot);
  const owners = await Promise.all(SLOTS.map((range) => ownerOf(running, Number.parseInt(range, 10))));
  const to = owners.find(({ node }) => node !== from)?.node ?? from;
  await said(to.port, `CLUSTER SETSLOT ${slot} IMPORTING ${from.id}`);
  await said(from.port, `CLUSTER SETSLOT ${slot} MIGRATING ${to.id}`);
  for (;;) {
    const reply = await ask(from.port, `CLUSTER GETKEYSINSLOT ${slot} 10`);
    const keys = reply.split('\r\n').filter((line) => line !== '' && !/^[*$]/.test(line));
    if (keys.length === 0) break;
    await said(from.port, `MIGRATE 127.0.0.1 ${to.port} "" 0 5000 KEYS ${keys.join(' ')}`);
  }
  for (const { port } of [to, from]) await said(port, `CLUSTER SETSLOT ${slot} NODE ${to.id}`);
}

async function said(port: number, command: string): Promise<void> {
  const answer = await ask(port, command);
  if (!/^\+(OK|NOKEY)/.test(answer)) throw new Error(`${command}: ${answer}`);
}
