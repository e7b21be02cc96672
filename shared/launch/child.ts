/**
 * One service as a child process: started with the IPC channel that `runService` reports on,
 * restarted when it dies unasked, and ended by SIGTERM with a deadline. The launcher owns it.
 */
import { type ChildProcess, fork } from 'node:child_process';
import type { Clock, Timer } from '../kernel/clock.ts';
import type { ServiceInfo, ServiceReport } from './service.ts';

export interface ChildOptions {
  readonly name: string;
  /** The compiled `main.js`. */
  readonly file: string;
  readonly environment: Readonly<Record<string, string>>;
  /** The setting of its port: one that found a free port is started again on the same. */
  readonly portSetting: string | null;
  /** Each line the service writes; both its outputs. */
  readonly onLine: (service: string, line: string) => void;
  /** Told when it died unasked, before it is started again. */
  readonly onDeath: (service: string, how: string) => void;
  readonly clock: Clock;
}

export interface Child {
  readonly name: string;
  readonly pid: number;
  /** How often it has become ready. */
  readonly starts: number;
  readonly info: ServiceInfo;
  /** SIGTERM, and SIGKILL after `withinMs`. Idempotent. */
  stop(withinMs: number): Promise<void>;
  /** A signal of the caller's own, for tests that kill the real thing. */
  signal(signal: NodeJS.Signals): void;
}

const READY_DEADLINE_MS = 30_000;
const RESTART_DELAYS_MS = [100, 500, 2_000, 5_000];
/** A service that lived this long did not die of how it was started: the next delay is the first one again. */
const HEALTHY_MS = 60_000;

/** How long to wait before a service is started again that has died so many times before. */
export const restartDelay = (deaths: number): number =>
  RESTART_DELAYS_MS[Math.min(deaths, RESTART_DELAYS_MS.length - 1)] ?? 5_000;

/** Resolves when the service has said that it is ready; rejects with its last words when it cannot start. */
export async function startChild(options: ChildOptions): Promise<Child> {
  const supervised = new Supervised(options);
  await supervised.start();
  return supervised;
}

class Supervised implements Child {
  readonly name: string;
  info: ServiceInfo = {};
  starts = 0;
  readonly #options: ChildOptions;
  #process: ChildProcess | null = null;
  #restart: Timer | null = null;
  #deaths = 0;
  #startedMs = 0;
  #stopping = false;

  constructor(options: ChildOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  start(): Promise<void> {
    const { file, environment, clock, portSetting } = this.#options;
    const { port } = this.info;
    const samePort = portSetting === null || port === undefined ? {} : { [portSetting]: String(port) };
    const child = fork(file, [], {
      env: { PATH: process.env['PATH'] ?? '', ...environment, ...samePort },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // Ctrl-C reaches only the launcher; when that dies the closed channel ends the service.
      detached: true,
    });
    this.#process = child;
    this.#startedMs = clock.monotonic();
    const lines = this.#relayLines(child);
    return new Promise((resolve, reject) => {
      const deadline = clock.after(READY_DEADLINE_MS, () => {
        child.kill('SIGKILL');
        reject(new Error(`${this.name} was not ready within ${READY_DEADLINE_MS} ms`));
      });
      let ready = false;
      child.on('message', (message) => {
        if (!isReport(message)) return;
        ready = true;
        deadline.cancel();
        lines.relay();
        this.info = message.info;
        this.starts += 1;
        resolve();
      });
      child.once('exit', (code, signal) => {
        deadline.cancel();
        const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
        if (ready) this.#died(how);
        else reject(new Error(`${this.name} ${how} while starting.\n${lines.last.join('\n')}`));
      });
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  async stop(withinMs: number): Promise<void> {
    this.#stopping = true;
    this.#restart?.cancel();
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGTERM');
    const timer = this.#options.clock.after(withinMs, () => child.kill('SIGKILL'));
    await gone;
    timer.cancel();
  }

  #died(how: string): void {
    if (this.#stopping) return;
    this.#options.onDeath(this.name, how);
    if (this.#options.clock.monotonic() - this.#startedMs > HEALTHY_MS) this.#deaths = 0;
    this.#restart = this.#options.clock.after(restartDelay(this.#deaths++), () => {
      this.start().catch((error: unknown) => this.#died(String(error)));
    });
  }

  /** Before the service is ready its lines are kept: when it cannot start, they are the error and are told once. */
  #relayLines(child: ChildProcess): { readonly last: readonly string[]; readonly relay: () => void } {
    const last: string[] = [];
    let relaying = false;
    const tell = (line: string): void => this.#options.onLine(this.name, line);
    for (const output of [child.stdout, child.stderr]) {
      let rest = '';
      output?.setEncoding('utf8').on('data', (chunk: string) => {
        const lines = (rest + chunk).split('\n');
        rest = (lines.pop() ?? '').slice(-10_000);
        for (const line of lines) {
          if (relaying) tell(line);
          else if (last.push(line) > 20) last.shift();
        }
      });
    }
    const relay = (): void => {
      relaying = true;
      for (const line of last.splice(0)) tell(line);
    };
    return { last, relay };
  }
}

function isReport(message: unknown): message is ServiceReport {
  return typeof message === 'object' && message !== null && 'kind' in message && message.kind === 'ready';
}
