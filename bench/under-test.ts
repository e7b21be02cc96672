/**
 * The system as a benchmark runs it: one of each process on free ports, its calls going out to a load's phones, on
 * cores of its own where that can be had; and what its processes use.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { systemClock } from '../shared/kernel/clock.ts';
import type { Closers } from '../shared/kernel/closers.ts';
import { pause } from '../shared/kernel/deadline.ts';
import { type Stack, startStack } from '../shared/launch/stack.ts';
import { cpuMs, familyOf, memoryKb, pin, prefer } from './process-usage.ts';

export interface UnderTestOptions {
  /** SIP port of the phones on this machine, unless `settings` have trunks of their own. */
  readonly trunkPort: number;
  /** Of each worker. */
  readonly threads: number;
  /** Worker processes; one unless it is said. */
  readonly workers?: number;
  /** Options of Node for every process. */
  readonly nodeOptions?: string;
  readonly settings?: Readonly<Record<string, string>>;
}

export interface Usage {
  readonly workerMs: number;
  readonly systemMs: number;
}

export interface ShownStream {
  readonly status: string;
  readonly counters: Readonly<Record<string, number>>;
}

export class UnderTest {
  readonly #stack: Stack;
  readonly #all: readonly number[];
  /** Processes of each worker. */
  readonly #workers: readonly (readonly number[])[];
  /** Processes by service, `redis` among them. */
  readonly #services: ReadonlyMap<string, readonly number[]>;

  private constructor(stack: Stack) {
    this.#stack = stack;
    const redis = stack.redis?.pid;
    const services = new Map([...stack.children].map(([name, { pid }]) => [name, familyOf(pid)]));
    this.#services = redis ? services.set('redis', familyOf(redis)) : services;
    this.#all = [...new Set([...services.values()].flat())];
    this.#workers = [...stack.children]
      .filter(([name]) => name.startsWith('worker'))
      .map(([, child]) => familyOf(child.pid));
  }

  static async start(options: UnderTestOptions, closers: Closers): Promise<UnderTest> {
    const dataDir = mkdtempSync(path.join(os.tmpdir(), 'pivot-bench-'));
    closers.push(() => rmSync(dataDir, { recursive: true, force: true }));
    const trunk = { name: 'load', host: `127.0.0.1:${options.trunkPort}`, transport: 'udp', prefixes: [''] };
    const stack = await startStack({
      dataDir,
      workers: options.workers ?? 1,
      environment: {
        PORT: '0',
        SIP_PORT: '0',
        WORKER_THREADS: String(options.threads),
        CALLS_PER_THREAD: '1000',
        ALLOW_PRIVATE_ADDRESSES: 'on',
        LOG_LEVEL: 'error',
        NODE_OPTIONS: options.nodeOptions ?? '',
        DRAIN_TIMEOUT: '1s',
        TRUNKS: JSON.stringify([trunk]),
        ...options.settings,
      },
      clock: systemClock,
      drainMs: 8_000,
      onProgress: () => {},
      onLine: (service, line) => console.log(`[${service}] ${line}`),
    });
    closers.push(() => stack.stop());
    return new UnderTest(stack);
  }

  /** Keeps it, Redis included, to these cores; says so when that cannot be done. */
  pin(cores: string): void {
    if (!pin(this.#all, cores)) console.log('  not pinned: taskset is missing');
  }

  /** Keeps one worker to these cores. */
  pinWorker(worker: number, cores: string): void {
    if (!pin(this.#workers[worker] ?? [], cores)) console.log('  not pinned: taskset is missing');
  }

  /** Puts it before other work, on a machine that is shared. */
  putFirst(): void {
    if (!prefer(this.#all, 'nice')) console.log('  the system could not be put before other work');
  }

  /** Stops all workers, or these, for so long, as a machine that gives them no time. */
  async freeze(ms: number, workers: readonly number[] = [...this.#workers.keys()]): Promise<void> {
    const pids = workers.flatMap((worker) => this.#workers[worker] ?? []);
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    await pause(systemClock, ms);
    for (const pid of pids) process.kill(pid, 'SIGCONT');
  }

  get usage(): Usage {
    return { workerMs: cpuMs(this.#workers.flat()), systemMs: cpuMs(this.#all) };
  }

  /** What each service has used so far, in CPU milliseconds. */
  get usageByService(): ReadonlyMap<string, number> {
    return new Map([...this.#services].map(([name, pids]) => [name, cpuMs(pids)]));
  }

  get pids(): readonly number[] {
    return this.#all;
  }

  get memoryKb(): number {
    return memoryKb(this.#all);
  }

  get workerMemoryKb(): number {
    return memoryKb(this.#workers.flat());
  }

  /** Places a call with this document; answers with its sid, or null when there is no room. @throws when it is refused otherwise. */
  async place(
    twiml: string,
    { from = '+15550009999', to = '+15550100002' }: { readonly from?: string; readonly to?: string } = {},
  ): Promise<string | null> {
    const body = JSON.stringify({ to, from, twiml });
    const response = await fetch(`${this.#stack.apiUrl}/calls`, { method: 'POST', headers: this.#headers, body });
    if (response.status === 503) return null;
    if (response.status !== 201) throw new Error(`POST /calls answered ${response.status}: ${await response.text()}`);
    return ((await response.json()) as { sid: string }).sid;
  }

  /** Waits until so many calls are up, or for so long; answers with how many are. */
  async untilUp(calls: number, withinMs: number): Promise<number> {
    const until = systemClock.monotonic() + withinMs;
    for (;;) {
      const up = await this.#inProgress();
      if (up >= calls || systemClock.monotonic() > until) return up;
      await pause(systemClock, 100);
    }
  }

  /** Milliseconds that wait to be played, the mean over these calls. */
  async buffered(sids: readonly string[]): Promise<number> {
    let sum = 0;
    for (const sid of sids) sum += (await this.streams(sid))[0]?.counters['bufferedMs'] ?? 0;
    return sum / Math.max(1, sids.length);
  }

  /** The streams of a call, as the API shows them. */
  async streams(sid: string): Promise<readonly ShownStream[]> {
    return ((await this.#get(`/calls/${sid}/streams`)) as { items: ShownStream[] }).items;
  }

  async #inProgress(): Promise<number> {
    let up = 0;
    for (let cursor = ''; ; ) {
      const page = (await this.#get(`/calls?status=in-progress&limit=200${cursor}`)) as {
        items: unknown[];
        nextCursor: string | null;
      };
      up += page.items.length;
      if (page.nextCursor === null) return up;
      cursor = `&cursor=${encodeURIComponent(page.nextCursor)}`;
    }
  }

  async #get(target: string): Promise<unknown> {
    return (await fetch(`${this.#stack.apiUrl}${target}`, { headers: this.#headers })).json();
  }

  get #headers(): Record<string, string> {
    const { ACCOUNT_SID, AUTH_TOKEN } = this.#stack.account;
    return {
      Authorization: `Basic ${Buffer.from(`${ACCOUNT_SID}:${AUTH_TOKEN}`).toString('base64')}`,
      'Content-Type': 'application/json',
    };
  }
}
