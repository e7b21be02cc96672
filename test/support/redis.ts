/**
 * A real Redis for tests: one child on a unix socket in a folder of its own, shared by a test file.
 * The file that starts it stops it. It can be stopped and started again on the same socket and data,
 * and frozen (SIGSTOP) to be there and silent. With `TEST_REDIS=cluster` it is a Cluster of three nodes instead.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { RedisClient } from '../../shared/store/redis.ts';
import { startTestCluster } from './redis-cluster.ts';

export interface TestRedis {
  /** What `openStore` and the queue take. */
  readonly url: string;
  /** Ends the server and keeps its data; `start` brings it back. */
  down(): Promise<void>;
  up(): Promise<void>;
  freeze(): void;
  thaw(): void;
  /** Ends the server and removes its folder. */
  stop(): Promise<void>;
}

export async function startTestRedis(): Promise<TestRedis> {
  if (process.env['TEST_REDIS'] === 'cluster') return startTestCluster();
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pivot-redis-'));
  const socket = path.join(folder, 'redis.sock');
  let child = await launch(folder, socket);
  const down = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGCONT');
    child.kill('SIGTERM');
    await gone;
  };
  return {
    url: socket,
    down,
    async up() {
      child = await launch(folder, socket);
    },
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    async stop() {
      await down();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** As after a restart without data: every node of it. */
export async function empty(client: RedisClient): Promise<void> {
  // A connection of its own pace knows the nodes only once it has asked for something.
  await client.get('nothing');
  if ('nodes' in client) await Promise.all(client.nodes('master').map((node) => node.flushall()));
  else await client.flushall();
}

async function launch(folder: string, socket: string): Promise<ChildProcess> {
  const files = ['--port', '0', '--unixsocket', socket, '--unixsocketperm', '600', '--dir', folder];
  const durability = [
    '--save',
    '',
    '--appendonly',
    'yes',
    '--appendfsync',
    'everysec',
    '--maxmemory-policy',
    'noeviction',
  ];
  const child = spawn('redis-server', [...files, ...durability], { stdio: 'ignore' });
  const deadline = performance.now() + 10_000;
  while (!(await answers(socket))) {
    if (child.exitCode !== null || performance.now() > deadline) throw new Error('redis-server did not start');
    await wait(5);
  }
  return child;
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = net.connect(socket, () => connection.write('PING\r\n'));
    const done = (answer: boolean): void => {
      connection.destroy();
      resolve(answer);
    };
    connection.once('data', (data) => done(data.toString().startsWith('+PONG')));
    connection.once('error', () => done(false));
  });
}
