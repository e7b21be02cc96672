/** One `redis-server` on a loopback port, for clusters and failovers; it ends with the test that started it. */
import { type ChildProcess, spawn } from 'node:child_process';
import net from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { findOnPath } from '../../shared/launch/redis.ts';

/** Starts it with these settings on top of the ones every server here has. */
export function startServer(folder: string, settings: Readonly<Record<string, string>>): ChildProcess {
  const all = {
    bind: '127.0.0.1',
    dir: folder,
    save: '',
    appendonly: 'yes',
    'maxmemory-policy': 'noeviction',
    ...settings,
  };
  return launch(Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]));
}

/** Starts a Sentinel with this file, which it writes to. */
export const startSentinel = (file: string): ChildProcess => launch([file, '--sentinel']);

function launch(options: readonly string[]): ChildProcess {
  const setpriv = findOnPath('setpriv');
  const [command, args] =
    setpriv === null ? ['redis-server', options] : [setpriv, ['--pdeathsig', 'KILL', 'redis-server', ...options]];
  return spawn(command, [...args], { stdio: 'ignore' });
}

export function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

/** The beginning of the answer to one inline command; empty when nobody answers. */
export function ask(port: number, command: string): Promise<string> {
  return new Promise((resolve) => {
    const connection = net.connect(port, '127.0.0.1', () => connection.write(`${command}\r\n`));
    const done = (answer: string): void => {
      connection.destroy();
      resolve(answer);
    };
    connection.setTimeout(500, () => done(''));
    connection.once('data', (data) => done(data.toString()));
    connection.once('error', () => done(''));
  });
}

/** Asks again and again until the answer says so. */
export async function untilSaid(port: number, command: string, expected: RegExp, withinMs = 15_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!expected.test(await ask(port, command))) {
    if (performance.now() > deadline) throw new Error(`${command} on port ${port} never answered ${expected}`);
    await wait(20);
  }
}

/** Waits until somebody takes connections at this port. */
export async function untilListening(port: number, withinMs = 15_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await isListening(port))) {
    if (performance.now() > deadline) throw new Error(`nobody listens on port ${port}`);
    await wait(20);
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = net.connect(port, '127.0.0.1');
    const done = (answer: boolean): void => {
      connection.destroy();
      resolve(answer);
    };
    connection.once('connect', () => done(true));
    connection.once('error', () => done(false));
  });
}
