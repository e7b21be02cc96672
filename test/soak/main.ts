/**
 * `npm run soak`: constant churn of calls of all kinds, a line every half a minute, and an exit code that says whether
 * memory and counts stayed flat. `--minutes 10 --calls 20 --json out.json`. The first quarter is warm-up: caches fill
 * and heaps find their size. Afterwards a straight line is laid through what was measured every five seconds.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { systemClock } from '../../shared/kernel/clock.ts';
import { Closers } from '../../shared/kernel/closers.ts';
import { pause } from '../../shared/kernel/deadline.ts';
import { Scene } from '../chaos/scene.ts';
import { Dice } from '../support/dice.ts';
import { footprintOf } from '../support/footprint.ts';
import { Churn } from './churn.ts';
import { type Allowance, isFlat, Series } from './series.ts';

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    calls: { type: 'string', default: '20' },
    workers: { type: 'string', default: '2' },
    seed: { type: 'string', default: '1' },
    json: { type: 'string' },
  },
});
const LOOK_MS = 5000;
const TELL_EVERY = 6;
const WARM_UP_SHARE = 0.25;
/** Ended calls leave Redis after this, so that its memory is that of a system in balance. */
const RETENTION = '20s';

const allowances = {
  MB: { share: 0.1, absolute: 12 },
  descriptors: { share: 0.1, absolute: 10 },
  threads: { share: 0, absolute: 2 },
  keys: { share: 0.15, absolute: 100 },
} as const satisfies Record<string, Allowance>;
type Unit = keyof typeof allowances;

const series = new Map<string, { readonly unit: Unit; readonly series: Series }>();
const closers = new Closers();
const owner = { after: (close: () => void | Promise<void>) => closers.push(close) };
const totalMs = Number(options.minutes) * 60_000;
const warmUpMs = totalMs * WARM_UP_SHARE;
let held = true;

const scene = await Scene.open(owner, {
  workers: Number(options.workers),
  environment: { CALL_RETENTION: RETENTION, PROBE_PORT: '0' },
});
const redis = scene.system.stack.redis;
const churn = new Churn(scene, new Dice(Number(options.seed)));
const began = systemClock.monotonic();
const running = churn.run(Number(options.calls));
for (let look = 1; systemClock.monotonic() - began < totalMs; look++) {
  await pause(systemClock, LOOK_MS);
  await measure();
  await scene.app.ask({ kind: 'forget' });
  if (look % TELL_EVERY === 0) tell();
}
churn.stop();
await running;
judge();
for (const error of await closers.close()) {
  console.error(error instanceof Error ? error.message : error);
  held = false;
}
console.log(held ? 'Everything stayed flat, and nothing is left.' : 'Not everything held: see above.');
process.exit(held ? 0 : 1);

async function measure(): Promise<void> {
  const at = systemClock.monotonic() - began;
  const add = (name: string, unit: Unit, value: number): void => {
    const known = series.get(name) ?? { unit, series: new Series() };
    known.series.add(at, value);
    series.set(name, known);
  };
  for (const [name, { pid }] of scene.system.stack.children) {
    add(`${name} memory`, 'MB', residentMb(pid));
    const footprint = footprintOf(pid);
    if (footprint === null) continue;
    add(`${name} descriptors`, 'descriptors', footprint.others + footprint.udp.length + footprint.tcp.length);
    add(`${name} threads`, 'threads', footprint.threads);
  }
  if (redis !== null) add('redis memory', 'MB', residentMb(redis.pid));
  add('redis keys', 'keys', await scene.keys());
}

function residentMb(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

function tell(): void {
  const { started, done, wrong } = churn.counts;
  const seconds = Math.round((systemClock.monotonic() - began) / 1000);
  const memory = [...series].filter(([, { unit }]) => unit === 'MB');
  const figures = memory.map(([name, { series: seen }]) => `${name.replace(' memory', '')} ${Math.round(seen.last)}`);
  console.log(
    `${String(seconds).padStart(4)} s · ${done} calls over, ${started - done} under way, ${wrong} wrong · MB: ${figures.join(', ')} · ${series.get('redis keys')?.series.last} keys`,
  );
}

function judge(): void {
  const rows: Record<string, object> = {};
  for (const [name, { unit, series: seen }] of series) {
    const trend = seen.trend(warmUpMs);
    if (trend === null) continue;
    const flat = isFlat(trend, allowances[unit]);
    held &&= flat;
    rows[name] = {
      mean: Number(trend.mean.toFixed(1)),
      growth: Number(trend.growth.toFixed(1)),
      'a minute': Number(trend.perMinute.toFixed(2)),
      flat: flat ? 'yes' : 'NO',
    };
  }
  console.table(rows);
  const { done, wrong } = churn.counts;
  console.log(`${done} calls, ${wrong} of them wrong.`);
  for (const problem of churn.problems) console.log(`  ${problem}`);
  held &&= wrong === 0 && done > 0;
  if (options.json) writeFileSync(options.json, `${JSON.stringify({ counts: churn.counts, rows }, null, 2)}\n`);
}
