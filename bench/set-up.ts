/**
 * `node dist/bench/set-up.js --rate 75 --calls 2000`: calls placed at an even rate on both cores, each answered at once and
 * hung up by its document: how many a second, how long from `POST /calls` to the INVITE at the phone, and how many failed.
 * `--streams`: each has a one-way stream as well; how long from the phone's answer to the first media message at the app.
 */
import { parseArgs } from 'node:util';
import { systemClock } from '../shared/kernel/clock.ts';
import { Closers } from '../shared/kernel/closers.ts';
import { pause } from '../shared/kernel/deadline.ts';
import { Load } from './load.ts';
import { cpuMs } from './process-usage.ts';
import { UnderTest } from './under-test.ts';

const { values: options } = parseArgs({
  options: {
    rate: { type: 'string', default: '75' },
    calls: { type: 'string', default: '2000' },
    threads: { type: 'string', default: '2' },
    streams: { type: 'boolean', default: false },
  },
});
const LAST_WITHIN_MS = 10_000;

const rate = Number(options.rate);
const calls = Number(options.calls);
const closers = new Closers();
/** By the caller's number, in milliseconds of `now`. */
const postedAt = new Map<string, number>();
const invitedAt = new Map<string, number>();
const answeredAt = new Map<string, number>();
const heardAt = new Map<string, number>();
const load = await Load.start(closers, {
  onSetUp(event) {
    if (event.kind === 'heard') heardAt.set(`+${event.path.slice(1)}`, event.atMs);
    else {
      invitedAt.set(event.from, event.invitedMs);
      answeredAt.set(event.from, event.answeredMs);
    }
  },
});
const system = await UnderTest.start(
  { trunkPort: load.sipPort, threads: Number(options.threads), settings: { BUSY_LIMIT: '0' } },
  closers,
);
// The first calls of a new process are slower, and none of the rate's.
for (let call = 0; call < 20; call++) await system.place(documentOf('+15551999999'));
await pause(systemClock, 3000);

const posts: Promise<unknown>[] = [];
let refused = 0;
const began = now();
const usedBefore = system.usageByService;
const loadBefore = loadMs();
for (let call = 0; call < calls; call++) {
  const from = `+1555${String(2_000_000 + call)}`;
  const dueMs = (call * 1000) / rate - (now() - began);
  if (dueMs > 0) await pause(systemClock, dueMs);
  postedAt.set(from, now());
  posts.push(
    system.place(documentOf(from), { from }).then((sid) => {
      if (sid === null) refused++;
    }),
  );
}
await Promise.all(posts);
const placedMs = now() - began;
const last = options.streams ? heardAt : invitedAt;
for (const until = now() + LAST_WITHIN_MS; between(postedAt, last).length < calls - refused; ) {
  if (now() > until) break;
  await pause(systemClock, 50);
}
const delays = between(postedAt, invitedAt);
const firsts = between(answeredAt, heardAt);
console.table([
  {
    calls,
    perSecond: Math.round((calls / placedMs) * 10_000) / 10,
    refused,
    notInvited: calls - refused - delays.length,
    inviteP50Ms: at(delays, 0.5),
    inviteP95Ms: at(delays, 0.95),
    inviteMaxMs: at(delays, 0.9999),
    ...(options.streams
      ? {
          heard: firsts.length,
          mediaP50Ms: at(firsts, 0.5),
          mediaP95Ms: at(firsts, 0.95),
          mediaMaxMs: at(firsts, 0.9999),
        }
      : {}),
    cpuMsPerCall: perCall(sum(system.usageByService) - sum(usedBefore)),
  },
]);
const usedNow = system.usageByService;
const byService = [...usedNow].map(([name, ms]) => `${name} ${perCall(ms - (usedBefore.get(name) ?? 0))}`);
console.log(`CPU-ms a call: ${byService.join(', ')}; this load ${perCall(loadMs() - loadBefore)}`);
await closers.close();
process.exit(0);

/** The clock of the load as well. */
function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** What phones, app and requests have used so far. */
function loadMs(): number {
  return cpuMs([...load.pids, process.pid]);
}

function sum(usage: ReadonlyMap<string, number>): number {
  return [...usage.values()].reduce((all, ms) => all + ms, 0);
}

function perCall(ms: number): number {
  return Math.round((ms / calls) * 10) / 10;
}

function documentOf(from: string): string {
  const stream = `<Start><Stream url="ws://127.0.0.1:${load.appPort}/${from.slice(1)}"/></Start>`;
  return `<Response>${options.streams ? stream : ''}<Pause length="1"/></Response>`;
}

/** Milliseconds from one moment of each call to another, ascending; calls without the second are left out. */
function between(from: ReadonlyMap<string, number>, to: ReadonlyMap<string, number>): number[] {
  const delays = [...from].flatMap(([call, began]) => {
    const ended = postedAt.has(call) ? to.get(call) : undefined;
    return ended === undefined ? [] : [ended - began];
  });
  return delays.sort((one, other) => one - other);
}

function at(sorted: readonly number[], share: number): number {
  return Math.round((sorted[Math.floor(sorted.length * share)] ?? Number.NaN) * 10) / 10;
}
