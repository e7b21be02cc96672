/**
 * The embedded Redis: a `redis-server` or `valkey-server` child on a unix socket of its own, with
 * an append-only file in the data directory. Started when `REDIS_URL` is not set, started again on its
 * data when it dies unasked; whoever starts it stops it, and it ends with its parent even when that is killed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, rmSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import type { Clock, Timer } from '../kernel/clock.ts';
import { pause } from '../kernel/deadline.ts';
import { ExpectedFailure } from '../kernel/expected-failure.ts';
import { restartDelay } from './child.ts';

export interface EmbeddedRedis {
  /** What `REDIS_URL` takes: the path of the socket. */
  readonly url: string;
  /** Another one after each restart. */
  readonly pid: number;
  /** Writes everything down and ends the server. */
  stop(): Promise<void>;
}

/** An expected failure: no Redis here, with what to do about it. */
export class RedisMissing extends ExpectedFailure {
  override readonly name = 'RedisMissing';
  constructor() {
    super(
      'No redis-server or valkey-server on PATH: install one (Debian, Ubuntu: apt-get install redis-server) or set REDIS_URL.',
    );
  }
}

const START_DEADLINE_MS = 10_000;
/** Linux allows 107 bytes for the path of a unix socket. */
const MAX_SOCKET_PATH = 107;

/**
 * Starts a server whose files live in `dataDir`.
 *
 * @param onDeath told how it died unasked, before it is started again.
 * @throws RedisMissing when there is no server on PATH.
 */
export async function startRedis(
  dataDir: string,
  clock: Clock,
  onDeath: (how: string) => void,
): Promise<EmbeddedRedis> {
  const binary = findOnPath('redis-server') ?? findOnPath('valkey-server');
  if (binary === null) throw new RedisMissing();
  const folder = path.resolve(dataDir, 'redis');
  mkdirSync(folder, { recursive: true });
  const socket = path.join(folder, 'redis.sock');
  if (Buffer.byteLength(socket) > MAX_SOCKET_PATH) {
    throw new Error(`DATA_DIR is too long for a unix socket (${socket}): choose a shorter one.`);
  }
  if (await answers(socket)) throw new Error(`A Redis is running in ${folder} already: is this system started twice?`);
  const redis = new SupervisedRedis(() => launch(binary, folder, socket), socket, clock, onDeath);
  await redis.start();
  return redis;
}

class SupervisedRedis implements EmbeddedRedis {
  readonly url: string;
  readonly #launch: () => ChildProcess;
  readonly #clock: Clock;
  readonly #onDeath: (how: string) => void;
  #child: ChildProcess | null = null;
  #restart: Timer | null = null;
  #deaths = 0;
  #stopping = false;

  constructor(launch: () => ChildProcess, socket: string, clock: Clock, onDeath: (how: string) => void) {
    this.url = socket;
    this.#launch = launch;
    this.#clock = clock;
    this.#onDeath = onDeath;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Resolves when it answers. */
  async start(): Promise<void> {
    rmSync(this.url, { force: true });
    const child = this.#launch();
    this.#child = child;
    let output = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-2000);
    });
    const until = this.#clock.monotonic() + START_DEADLINE_MS;
    while (!(await answers(this.url))) {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`Redis ended while starting:\n${output}`);
      if (this.#clock.monotonic() > until) {
        child.kill('SIGKILL');
        throw new Error(`Redis did not answer within ${START_DEADLINE_MS} ms:\n${output}`);
      }
      await pause(this.#clock, 10);
    }
    const died = (code: number | null, signal: NodeJS.Signals | null): void =>
      this.#died(signal === null ? `ended with code ${code}` : `was ended by ${signal}`);
    if (child.exitCode !== null || child.signalCode !== null) died(child.exitCode, child.signalCode);
    else child.once('exit', died);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#restart?.cancel();
    if (this.#child) await stop(this.#child, this.#clock);
  }

  #died(how: string): void {
    if (this.#stopping) return;
    this.#onDeath(how);
    this.#restart = this.#clock.after(restartDelay(this.#deaths++), () => {
      this.start().catch((error: unknown) => this.#died(String(error)));
    });
  }
}

function launch(binary: string, folder: string, socket: string): ChildProcess {
  const options = [
    ['--port', '0'],
    ['--unixsocket', socket],
    ['--unixsocketperm', '600'],
    ['--dir', folder],
    ['--save', ''],
    ['--appendonly', 'yes'],
    ['--appendfsync', 'everysec'],
    ['--maxmemory-policy', 'noeviction'],
  ].flat();
  const setpriv = findOnPath('setpriv');
  const [command, args] = setpriv === null ? [binary, options] : [setpriv, ['--pdeathsig', 'TERM', binary, ...options]];
  // Detached, so that Ctrl-C on the terminal reaches only the launcher and the order of ending is ours.
  return spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'], detached: true });
}

async function stop(child: ChildProcess, clock: Clock): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const timer = clock.after(5_000, () => child.kill('SIGKILL'));
  await gone;
  timer.cancel();
}

/** Whether a Redis says PONG on the socket. */
function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = net.connect(socket);
    const done = (answer: boolean): void => {
      connection.destroy();
      resolve(answer);
    };
    connection.setTimeout(500, () => done(false));
    connection.once('error', () => done(false));
    connection.once('connect', () => connection.write('PING\r\n'));
    connection.once('data', (data) => done(data.toString().startsWith('+PONG')));
  });
}

/** The first executable of that name on PATH, or null. */
export function findOnPath(name: string): string | null {
  for (const folder of (process.env['PATH'] ?? '').split(path.delimiter)) {
    const file = path.join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not here; the next folder may have it.
    }
  }
  return null;
}
