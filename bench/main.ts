/**
 * `npm run bench`: calls, each with one stream, measured from the telephone side. The system runs on one core (two with
 * `--threads 2`), phones and app on another, as in the figures of `bench/RESULTS.md`.
 *
 * By itself it adds calls until a limit breaks, on one core and then on two. `--calls 50,100,150` measures these numbers
 * instead, each with a new system: `--seconds 20 --threads 1 --mode two-way --json results.json`.
 */
import { writeFileSync } from 'node:fs';
import os from 'node:os';
import { parseArgs } from 'node:util';
import { Closers } from '../shared/kernel/closers.ts';
import { comesBack, isMode, type Mode, modes } from './documents.ts';
import { type Row, Trial } from './trial.ts';

const { values: options } = parseArgs({
  options: {
    /** Numbers of calls; none: up to where a limit breaks. */
    calls: { type: 'string' },
    /** How many are added at a time, when it goes up to a limit. */
    step: { type: 'string', default: '50' },
    seconds: { type: 'string', default: '12' },
    /** Threads of the worker, each on a core of its own; none: one, and when it goes up to a limit two after that. */
    threads: { type: 'string' },
    /** Calls placed a second. */
    rate: { type: 'string', default: '10' },
    /** Seconds between the last call's start and the measurement. */
    settle: { type: 'string', default: '15' },
    json: { type: 'string' },
    /** What each call has; only what comes back has delays. */
    mode: { type: 'string', default: 'two-way' },
    /** Leave all processes where the scheduler puts them; the calls still have one thread. */
    unpinned: { type: 'boolean', default: false },
    /** Phones and app on the one core of the system too, as they are with two: what each holds with all that comes with it. */
    crowded: { type: 'boolean', default: false },
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
const mode = readMode(options.mode);
if (options.calls === undefined && !comesBack(mode))
  throw new Error(`--mode ${mode}: nothing comes back, so no limit is seen to break; say how many --calls`);

/** Calls are held while 99 of 100 frames are back within this and no more of them are later or lost. */
const MOST_MS = 60;
const MOST_LATE_OR_LOST = 0.001;
/** No machine has held as many on one core. */
const MOST_CALLS = 2000;

const rows: Row[] = [];
if (options.calls === undefined) {
  const threads =
    options.threads === undefined ? [1, 2].filter((n) => n <= os.cpus().length) : [Number(options.threads)];
  for (const count of threads) await ramp(count);
} else {
  for (const calls of options.calls.split(',').map(Number)) await one(calls, Number(options.threads ?? 1));
}
const machine = `${os.cpus()[0]?.model ?? 'unknown'} × ${os.cpus().length}, Node ${process.version}`;
console.log(machine);
console.table(rows);
if (options.json)
  writeFileSync(options.json, `${JSON.stringify({ machine, at: new Date().toISOString(), rows }, null, 2)}\n`);
process.exit(0);

/** So many calls, on a new system. */
async function one(calls: number, threads: number): Promise<void> {
  console.log(`• ${calls} calls for ${options.seconds} s`);
  await trial(threads, async (tried) => {
    await tried.callsUpTo(calls, Number(options.rate));
    rows.push(await measured(tried));
  });
}

/** More and more calls on one system, until what comes back is late or lost, or it takes no more. */
async function ramp(threads: number): Promise<void> {
  console.log(`• until a limit breaks, ${threads === 1 ? 'one thread' : `${threads} threads`}`);
  await trial(threads, async (tried) => {
    let held = 0;
    for (let calls = Number(options.step); calls <= MOST_CALLS; calls += Number(options.step)) {
      console.log(`  ${calls} calls`);
      const taken = await tried.callsUpTo(calls, Number(options.rate));
      const row = await measured(tried);
      rows.push(row);
      if (isHeld(row)) held = row.up;
      if (!isHeld(row) || !taken) break;
    }
    console.log(`  held: ${held} calls`);
  });
}

function isHeld({ p99Ms, sent, late, lost }: Row): boolean {
  return p99Ms <= MOST_MS && late + lost <= sent * MOST_LATE_OR_LOST;
}

function measured(tried: Trial): Promise<Row> {
  return tried.measure(Number(options.settle) * 1000, Number(options.seconds) * 1000);
}

async function trial(threads: number, use: (tried: Trial) => Promise<void>): Promise<void> {
  const closers = new Closers();
  try {
    const { unpinned, crowded, shared, sockets } = options;
    const settings = { BUSY_LIMIT: options['busy-limit'], MEDIA_SOCKETS: sockets };
    const nodeOptions = options['node-options'];
    await use(await Trial.start({ mode, threads, unpinned, crowded, shared, nodeOptions, settings }, closers));
  } finally {
    await closers.close();
  }
}

function readMode(name: string): Mode {
  if (!isMode(name)) throw new Error(`--mode ${name}: one of ${modes.join(', ')}`);
  return name;
}
