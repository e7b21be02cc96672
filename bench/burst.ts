/**
 * `node dist/bench/burst.js`: what is left of a burst. On calls with a two-way stream the phones' packets, and then what the
 * app sends, are held back for 200 ms and for a second and delivered at once; then the worker itself gets no time for 200 ms.
 * The round trip is told second by second.
 */
import { parseArgs } from 'node:util';
import { systemClock } from '../shared/kernel/clock.ts';
import { Closers } from '../shared/kernel/closers.ts';
import { pause } from '../shared/kernel/deadline.ts';
import { twimlOf } from './documents.ts';
import { Load, type LoadWindow } from './load.ts';
import { prefer } from './process-usage.ts';
import { UnderTest } from './under-test.ts';

const { values: options } = parseArgs({ options: { calls: { type: 'string', default: '10' } } });
const SETTLE_MS = 20_000;
const BETWEEN_MS = 8_000;
const WATCH_SECONDS = 12;
/** The added delay is back below this within ten seconds. */
const BACK_BELOW_MS = 40;

interface Row {
  readonly what: string;
  readonly beforeMs: number;
  readonly worstMs: number;
  /** Seconds from the end of the burst until the median is back within 40 ms; NaN when it is not. */
  readonly backAfterS: number;
  readonly addedAfter10sMs: number;
}

const closers = new Closers();
const load = await Load.start(closers);
const system = await UnderTest.start({ trunkPort: load.sipPort, threads: 1, settings: { BUSY_LIMIT: '0' } }, closers);
prefer(load.pids, 'real-time');
const calls = Number(options.calls);
for (let call = 0; call < calls; call++) await system.place(twimlOf('two-way')(load));
await system.untilUp(calls, 30_000);
await pause(systemClock, SETTLE_MS);

const rows: Row[] = [];
load.measure();
for (const ms of [200, 1000]) {
  rows.push(await watch(`the phone, ${ms} ms`, ms, () => load.hold(ms)));
  await pause(systemClock, BETWEEN_MS);
  rows.push(await watch(`the app, ${ms} ms`, ms, () => load.stall(ms)));
  await pause(systemClock, BETWEEN_MS);
}
rows.push(await watch('the worker, 200 ms', 200, () => void system.freeze(200)));
console.table(rows);
await closers.close();
process.exit(0);

async function watch(what: string, burstMs: number, begin: () => void): Promise<Row> {
  await load.window();
  await pause(systemClock, 1000);
  const before = (await load.window()).p50;
  begin();
  await pause(systemClock, burstMs);
  const seconds: LoadWindow[] = [];
  for (let second = 0; second < WATCH_SECONDS; second++) {
    await pause(systemClock, 1000);
    seconds.push(await load.window());
  }
  const back = seconds.findIndex(({ p50 }) => p50 <= before + BACK_BELOW_MS);
  return {
    what,
    beforeMs: Math.round(before),
    worstMs: Math.round(Math.max(...seconds.map(({ max }) => max))),
    backAfterS: back < 0 ? Number.NaN : back + 1,
    addedAfter10sMs: Math.round((seconds[9]?.p50 ?? Number.NaN) - before),
  };
}
