/**
 * `npm run bench`: N calls, each with one stream, measured from the telephone side. The system runs on one core (two with
 * `--threads 2`), phones and app on another, as in the figures of `bench/RESULTS.md`.
 * `--calls 50,100,150 --seconds 20 --threads 1 --mode two-way --json results.json`.
 */
import { writeFileSync } from 'node:fs';
import os from 'node:os';
import { parseArgs } from 'node:util';
import { systemClock } from '../shared/kernel/clock.ts';
import { Closers } from '../shared/kernel/closers.ts';
import { pause } from '../shared/kernel/deadline.ts';
import { isMode, modes, twimlOf } from './documents.ts';
import { Load, tlsAuthority } from './load.ts';
import { cpuMs, pin, prefer } from './process-usage.ts';
import { UnderTest } from './under-test.ts';

const { values: options } = parseArgs({
  options: {
    calls: { type: 'string', default: '50,100,150' },
    seconds: { type: 'string', default: '20' },
    threads: { type: 'string', default: '1' },
    /** Calls placed a second. */
    rate: { type: 'string', default: '15' },
    /** Seconds between the last call's start and the measurement. */
    settle: { type: 'string', default: '15' },
    json: { type: 'string' },
    /** What each call has; only what comes back has delays. */
    mode: { type: 'string', default: 'two-way' },
    /** Leave all processes where the scheduler puts them; the calls still have one thread. */
    unpinned: { type: 'boolean', default: false },
    /** Of the system under test; 0 takes all calls, whatever becomes of them. Else no more are placed than it takes. */
    'busy-limit': { type: 'string', default: '0' },
    /** Whose sockets carry the audio: native or node. */
    sockets: { type: 'string', default: 'auto' },
    /** Options of Node for the system's processes: profiling. */
    'node-options': { type: 'string', default: '' },
    /** The machine is shared: put the system before other work. */
    shared: { type: 'boolean', default: false },
  },
});
const { mode } = options;
if (!isMode(mode)) throw new Error(`--mode ${mode}: one of ${modes.join(', ')}`);
const twiml = twimlOf(mode);

interface Row {
  readonly mode: string;
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
  /** Mean of what waits to be played, over the first calls. */
  readonly bufferedMs: number;
}

const SYSTEM_CORES = options.threads === '1' ? '0' : '0,1';
const LOAD_CORES = '1';

/** What came back is told this often. */
const WINDOW_MS = 4000;

const rows: Row[] = [];
for (const calls of options.calls.split(',').map(Number)) {
  console.log(`• ${calls} calls for ${options.seconds} s`);
  rows.push(await measure(calls, Number(options.seconds) * 1000));
}
const machine = `${os.cpus()[0]?.model ?? 'unknown'} × ${os.cpus().length}, Node ${process.version}`;
console.log(machine);
console.table(rows);
if (options.json)
  writeFileSync(options.json, `${JSON.stringify({ machine, at: new Date().toISOString(), rows }, null, 2)}\n`);
process.exit(0);

async function measure(calls: number, forMs: number): Promise<Row> {
  const closers = new Closers();
  try {
    const load = await Load.start(closers, { tls: mode === 'wss' });
    // Its processes and threads inherit this, and may then choose cores of their own among them.
    if (!options.unpinned && !pin([process.pid], SYSTEM_CORES)) console.log('  not pinned: taskset is missing');
    const system = await UnderTest.start(
      {
        trunkPort: load.sipPort,
        threads: Number(options.threads),
        nodeOptions: options['node-options'],
        settings: {
          ...(options.threads === '1' ? {} : { THREAD_CPUS: 'all' }),
          BUSY_LIMIT: options['busy-limit'],
          MEDIA_SOCKETS: options.sockets,
          STREAM_CA: tlsAuthority,
        },
      },
      closers,
    );
    return await run(system, load, calls, forMs);
  } finally {
    await closers.close();
  }
}

async function run(system: UnderTest, load: Load, most: number, forMs: number): Promise<Row> {
  const loadPids = [...load.pids, process.pid];
  if (!options.unpinned) pin(loadPids, LOAD_CORES);
  if (!prefer(load.pids, 'real-time')) console.log('  the load has no real-time priority: its delays count');
  if (options.shared) system.putFirst();
  const idleKb = system.memoryKb;

  const sids: string[] = [];
  for (; sids.length < most; await pause(systemClock, 1000 / Number(options.rate))) {
    const sid = await system.place(twiml(load));
    if (sid === null) break;
    sids.push(sid);
  }
  const calls = sids.length;
  const up = await system.untilUp(calls, 60_000);
  // The bursts of the set-up are over and the jitter buffers have given back what they took.
  await pause(systemClock, Number(options.settle) * 1000);

  load.measure();
  const before = { ...system.usage, loadMs: cpuMs(loadPids), at: systemClock.monotonic() };
  await watch(load, before.at + forMs);
  const seconds = (systemClock.monotonic() - before.at) / 1000;
  const after = { ...system.usage, loadMs: cpuMs(loadPids) };
  const memoryKb = system.memoryKb;
  const bufferedMs = await system.buffered(sids.slice(0, 10));
  const report = await load.report();
  const { sent, lost, late, p50, p99, max } = report;
  return {
    mode,
    calls,
    up,
    workerCpuMsPerCallSecond: round((after.workerMs - before.workerMs) / seconds / calls),
    systemCpuMsPerCallSecond: round((after.systemMs - before.systemMs) / seconds / calls),
    loadBusy: round((after.loadMs - before.loadMs) / seconds / 1000),
    memoryKbPerCall: Math.round((memoryKb - idleKb) / calls),
    idleMemoryMb: Math.round(idleKb / 1024),
    sent,
    lost,
    late,
    p50Ms: round(p50),
    p99Ms: round(p99),
    maxMs: round(max),
    bufferedMs: round(bufferedMs),
  };
}

/** A line each few seconds, so that what comes and goes is seen. */
async function watch(load: Load, until: number): Promise<void> {
  await load.window();
  for (let left = until - systemClock.monotonic(); left > 0; left = until - systemClock.monotonic()) {
    await pause(systemClock, Math.min(WINDOW_MS, left));
    const { frames, p50, p99, max } = await load.window();
    console.log(`    ${frames} frames: p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)}, max ${max.toFixed(1)} ms`);
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
