/** One system under one load: calls are added, and what they cost and how long their sound is on its way is measured. */
import { systemClock } from '../shared/kernel/clock.ts';
import type { Closers } from '../shared/kernel/closers.ts';
import { pause } from '../shared/kernel/deadline.ts';
import { type Mode, twimlOf } from './documents.ts';
import { Load, type LoadReport, tlsAuthority } from './load.ts';
import { cpuMs, pin, prefer } from './process-usage.ts';
import { UnderTest } from './under-test.ts';

export interface TrialOptions {
  readonly mode: Mode;
  readonly threads: number;
  /** Processes stay where the scheduler puts them. */
  readonly unpinned: boolean;
  /** Phones and app share a core with the system, also when it has one alone; with two they always do. */
  readonly crowded: boolean;
  /** The machine is shared: the system is put before other work. */
  readonly shared: boolean;
  readonly nodeOptions: string;
  readonly settings: Readonly<Record<string, string>>;
}

export interface Row {
  readonly mode: string;
  readonly threads: number;
  readonly calls: number;
  readonly up: number;
  readonly workerCpuMsPerCallSecond: number;
  readonly systemCpuMsPerCallSecond: number;
  /** Share of its core that phones and app used: near 1 it is the load that is measured. */
  readonly loadBusy: number;
  readonly memoryKbPerCall: number;
  readonly idleMemoryMb: number;
  readonly sent: number;
  readonly lost: number;
  readonly late: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** What the host took from this machine's cores meanwhile: how often for more than 5 ms, and the longest. */
  readonly stalls: number;
  readonly longestStallMs: number;
  /** Mean of what waits to be played, over the first calls. */
  readonly bufferedMs: number;
}

const LOAD_CORES = '1';
/** What came back is told this often. */
const WINDOW_MS = 4000;
const UP_WITHIN_MS = 60_000;

export class Trial {
  readonly #options: TrialOptions;
  readonly #system: UnderTest;
  readonly #load: Load;
  readonly #idleKb: number;
  readonly #sids: string[] = [];

  private constructor(options: TrialOptions, system: UnderTest, load: Load) {
    this.#options = options;
    this.#system = system;
    this.#load = load;
    this.#idleKb = system.memoryKb;
  }

  static async start(options: TrialOptions, closers: Closers): Promise<Trial> {
    const { mode, threads, unpinned, crowded, shared, nodeOptions, settings } = options;
    const load = await Load.start(closers, { tls: mode === 'wss' });
    // Its processes and threads inherit this, and may then choose cores of their own among them.
    const cores = threads === 1 ? '0' : '0,1';
    if (!unpinned && !pin([process.pid], cores)) console.log('  not pinned: taskset is missing');
    const ofThreads = threads === 1 || unpinned ? {} : { THREAD_CPUS: 'all' };
    const system = await UnderTest.start(
      {
        trunkPort: load.sipPort,
        threads,
        nodeOptions,
        settings: { STREAM_CA: tlsAuthority, ...ofThreads, ...settings },
      },
      closers,
    );
    if (!unpinned) pin([...load.pids, process.pid], crowded ? cores.slice(-1) : LOAD_CORES);
    if (!prefer(load.pids, 'real-time')) console.log('  the load has no real-time priority: its delays count');
    if (shared) system.putFirst();
    return new Trial(options, system, load);
  }

  /** Places calls until there are so many, `rate` a second; false when no more are taken. */
  async callsUpTo(most: number, rate: number): Promise<boolean> {
    const twiml = twimlOf(this.#options.mode)(this.#load);
    for (; this.#sids.length < most; await pause(systemClock, 1000 / rate)) {
      const sid = await this.#system.place(twiml);
      if (sid === null) return false;
      this.#sids.push(sid);
    }
    return true;
  }

  /** Waits until the calls are up and settled, then measures. */
  async measure(settleMs: number, forMs: number): Promise<Row> {
    const system = this.#system;
    const calls = this.#sids.length;
    const up = await system.untilUp(calls, UP_WITHIN_MS);
    // The bursts of the set-up are over and the jitter buffers have given back what they took.
    await pause(systemClock, settleMs);
    this.#load.measure();
    const before = { ...system.usage, loadMs: this.#loadMs, at: systemClock.monotonic() };
    await this.#watch(before.at + forMs);
    const seconds = (systemClock.monotonic() - before.at) / 1000;
    const after = { ...system.usage, loadMs: this.#loadMs };
    const stalls = await this.#load.stalls();
    const memoryKb = system.memoryKb;
    const bufferedMs = await system.buffered(this.#sids.slice(0, 10));
    const perCall = (ms: number): number => round(ms / seconds / calls);
    return {
      mode: this.#options.mode,
      threads: this.#options.threads,
      calls,
      up,
      workerCpuMsPerCallSecond: perCall(after.workerMs - before.workerMs),
      systemCpuMsPerCallSecond: perCall(after.systemMs - before.systemMs),
      loadBusy: round((after.loadMs - before.loadMs) / seconds / 1000),
      memoryKbPerCall: Math.round((memoryKb - this.#idleKb) / calls),
      idleMemoryMb: Math.round(this.#idleKb / 1024),
      ...shown(await this.#load.report()),
      stalls: stalls.count,
      longestStallMs: round(stalls.longest),
      bufferedMs: round(bufferedMs),
    };
  }

  get #loadMs(): number {
    return cpuMs([...this.#load.pids, process.pid]);
  }

  /** A line each few seconds, so that what comes and goes is seen. */
  async #watch(until: number): Promise<void> {
    await this.#load.window();
    for (let left = until - systemClock.monotonic(); left > 0; left = until - systemClock.monotonic()) {
      await pause(systemClock, Math.min(WINDOW_MS, left));
      const { frames, p50, p99, max } = await this.#load.window();
      const { count, longest } = await this.#load.stalls();
      const stalled =
        count === 0 ? '' : `; the machine stood still ${count} times, for ${longest.toFixed(1)} ms at most`;
      console.log(
        `    ${frames} frames: p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)}, max ${max.toFixed(1)} ms${stalled}`,
      );
    }
  }
}

function shown({
  sent,
  lost,
  late,
  p50,
  p99,
  max,
}: LoadReport): Pick<Row, 'sent' | 'lost' | 'late' | 'p50Ms' | 'p99Ms' | 'maxMs'> {
  return { sent, lost, late, p50Ms: round(p50), p99Ms: round(p99), maxMs: round(max) };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
