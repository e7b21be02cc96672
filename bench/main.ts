/**
 * `npm run bench`: N calls, each with one two-way JSON stream to an echo app, measured from the
 * telephone side. The system runs on one core, phones and app on another, as in the figures of
 * `bench/RESULTS.md`. `--calls 50,100,150 --seconds 20 --threads 1 --json results.json`.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '../shared/kernel/clock.ts';
import { Closers } from '../shared/kernel/closers.ts';
import { pause } from '../shared/kernel/deadline.ts';
import { type Stack, startStack } from '../shared/launch/stack.ts';
import { Load } from './load.ts';
import { cpuMs, familyOf, pin, prefer, residentKb } from './process-usage.ts';

const { values: options } = parseArgs({
  options: {
    calls: { type: 'string', default: '50,100,150' },
    seconds: { type: 'string', default: '20' },
    threads: { type: 'string', default: '1' },
    /** Calls placed a second; 0 = as fast as it goes, which is what the set-up rate is about. */
    rate: { type: 'string', default: '15' },
    /** Seconds between the last call's start and the measurement. */
    settle: { type: 'string', default: '15' },
    json: { type: 'string' },
    /** What each call has: one of `documents`. Only `two-way` comes back, so only it has delays. */
    mode: { type: 'string', default: 'two-way' },
    /** Leave all processes where the scheduler puts them; the calls still have one thread. */
    unpinned: { type: 'boolean', default: false },
    /** Options of Node for the system's processes: profiling. */
    'node-options': { type: 'string', default: '' },
    /** The machine is shared: put the system before other work. */
    shared: { type: 'boolean', default: false },
  },
});

const documents = {
  'two-way': (url: string) => `<Connect><Stream url="${url}" dialect="twilio"/></Connect>`,
  'one-way': (url: string) => `<Start><Stream url="${url}" dialect="twilio"/></Start><Pause length="3600"/>`,
  'one-way-l16': (url: string) => `<Start><Stream url="${url}" audioCodec="pcm"/></Start><Pause length="3600"/>`,
  'one-way-l16-16k': (url: string) => `<Start><Stream url="${url}" sampleRate="16000"/></Start><Pause length="3600"/>`,
  raw: (url: string) => `<Start><Stream url="${url}" rawAudio="true"/></Start><Pause length="3600"/>`,
  'four-one-way': (url: string) =>
    `${`<Start><Stream url="${url}" dialect="twilio"/></Start>`.repeat(4)}<Pause length="3600"/>`,
  none: () => '<Pause length="3600"/>',
} as const;
const mode = modeOf(options.mode);

function modeOf(name: string): keyof typeof documents {
  if (name in documents) return name as keyof typeof documents;
  throw new Error(`--mode ${name}: one of ${Object.keys(documents).join(', ')}`);
}

interface Row {
  readonly mode: string;
  readonly calls: number;
  readonly up: number;
  readonly setUpPerSecond: number;
  readonly workerCpuMsPerCallSecond: number;
  readonly systemCpuMsPerCallSecond: number;
  /** Share of its core that phones and app used: near 1 it is the load that is measured. */
  readonly loadBusy: number;
  readonly residentKbPerCall: number;
  readonly idleResidentMb: number;
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

const rows: Row[] = [];
for (const calls of options.calls.split(',').map(Number)) {
  console.log(`• ${calls} calls for ${options.seconds} s`);
  const row = await measure(calls, Number(options.seconds) * 1000);
  rows.push(row);
  console.table([row]);
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
    const dataDir = mkdtempSync(path.join(os.tmpdir(), 'pivot-bench-'));
    closers.push(() => rmSync(dataDir, { recursive: true, force: true }));
    const load = await Load.start(closers);
    const stack = await startSystem(dataDir, load.sipPort);
    closers.push(() => stack.stop());
    return await run(stack, load, calls, forMs);
  } finally {
    await closers.close();
  }
}

function startSystem(dataDir: string, trunkPort: number): Promise<Stack> {
  return startStack({
    dataDir,
    environment: {
      PORT: '0',
      SIP_PORT: '0',
      WORKER_THREADS: options.threads,
      CALLS_PER_THREAD: '1000',
      // What is measured lies beyond what would be taken.
      BUSY_LIMIT: '0',
      ALLOW_PRIVATE_ADDRESSES: 'on',
      LOG_LEVEL: 'error',
      NODE_OPTIONS: options['node-options'],
      DRAIN_TIMEOUT: '1s',
      TRUNKS: JSON.stringify([{ name: 'load', host: `127.0.0.1:${trunkPort}`, transport: 'udp', prefixes: [''] }]),
    },
    clock: systemClock,
    drainMs: 8_000,
    onProgress: () => {},
    onLine: (service, line) => console.log(`[${service}] ${line}`),
  });
}

async function run(stack: Stack, load: Load, calls: number, forMs: number): Promise<Row> {
  const services = [...stack.children.values()].map((child) => child.pid);
  const system = [...new Set(services.flatMap(familyOf))];
  const worker = [...stack.children]
    .filter(([name]) => name.startsWith('worker'))
    .flatMap(([, child]) => familyOf(child.pid));
  const loadPids = [load.pid, process.pid];
  if (!options.unpinned && (!pin(system, SYSTEM_CORES) || !pin(loadPids, LOAD_CORES)))
    console.log('  not pinned: taskset is missing');
  if (!prefer([load.pid], 'real-time')) console.log('  the load has no real-time priority: its delays count');
  if (options.shared && !prefer(system, 'nice')) console.log('  the system could not be put before other work');
  const idleKb = residentKb(system);

  const began = systemClock.monotonic();
  const sids = await placeCalls(stack, load.appPort, calls);
  const up = await untilUp(stack, sids, 60_000);
  const setUpMs = systemClock.monotonic() - began;
  // The bursts of the set-up are over and the jitter buffers have given back what they took.
  await pause(systemClock, Number(options.settle) * 1000);

  load.measure();
  const before = { worker: cpuMs(worker), system: cpuMs(system), load: cpuMs(loadPids), at: systemClock.monotonic() };
  await pause(systemClock, forMs);
  const seconds = (systemClock.monotonic() - before.at) / 1000;
  const used = {
    worker: cpuMs(worker) - before.worker,
    system: cpuMs(system) - before.system,
    load: cpuMs(loadPids) - before.load,
  };
  const residentKbNow = residentKb(system);
  const bufferedMs = await buffered(stack, sids.slice(0, 10));
  const report = await load.report();
  return {
    mode,
    calls,
    up,
    setUpPerSecond: round((calls / setUpMs) * 1000),
    workerCpuMsPerCallSecond: round(used.worker / seconds / calls),
    systemCpuMsPerCallSecond: round(used.system / seconds / calls),
    loadBusy: round(used.load / seconds / 1000),
    residentKbPerCall: Math.round((residentKbNow - idleKb) / calls),
    idleResidentMb: Math.round(idleKb / 1024),
    sent: report.sent,
    lost: report.lost,
    late: report.late,
    p50Ms: round(report.p50),
    p99Ms: round(report.p99),
    maxMs: round(report.max),
    bufferedMs: round(bufferedMs),
  };
}

async function placeCalls(stack: Stack, appPort: number, calls: number): Promise<readonly string[]> {
  const twiml = `<Response>${documents[mode](`ws://127.0.0.1:${appPort}/${mode}`)}</Response>`;
  const body = JSON.stringify({ to: '+15550100002', from: '+15550009999', twiml });
  const sids: string[] = [];
  const one = async (): Promise<void> => {
    const response = await fetch(`${stack.apiUrl}/calls`, { method: 'POST', headers: headers(stack), body });
    if (response.status !== 201) throw new Error(`POST /calls answered ${response.status}: ${await response.text()}`);
    sids.push(((await response.json()) as { sid: string }).sid);
  };
  const perSecond = Number(options.rate);
  const batch = perSecond === 0 ? 20 : 1;
  for (let placed = 0; placed < calls; placed += batch) {
    await Promise.all(Array.from({ length: Math.min(batch, calls - placed) }, one));
    if (perSecond > 0) await pause(systemClock, 1000 / perSecond);
  }
  return sids;
}

async function untilUp(stack: Stack, sids: readonly string[], withinMs: number): Promise<number> {
  const until = systemClock.monotonic() + withinMs;
  for (;;) {
    let up = 0;
    let cursor = '';
    do {
      const response = await fetch(`${stack.apiUrl}/calls?status=in-progress&limit=200${cursor}`, {
        headers: headers(stack),
      });
      const page = (await response.json()) as { items: unknown[]; nextCursor: string | null };
      up += page.items.length;
      cursor = page.nextCursor === null ? '' : `&cursor=${encodeURIComponent(page.nextCursor)}`;
    } while (cursor !== '');
    if (up >= sids.length || systemClock.monotonic() > until) return up;
    await pause(systemClock, 100);
  }
}

async function buffered(stack: Stack, sids: readonly string[]): Promise<number> {
  let sum = 0;
  for (const sid of sids) {
    const response = await fetch(`${stack.apiUrl}/calls/${sid}/streams`, { headers: headers(stack) });
    const { items } = (await response.json()) as { items: { counters: { bufferedMs: number } }[] };
    sum += items[0]?.counters.bufferedMs ?? 0;
  }
  return sum / Math.max(1, sids.length);
}

function headers(stack: Stack): Record<string, string> {
  const { ACCOUNT_SID, AUTH_TOKEN } = stack.account;
  return {
    Authorization: `Basic ${Buffer.from(`${ACCOUNT_SID}:${AUTH_TOKEN}`).toString('base64')}`,
    'Content-Type': 'application/json',
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
