/**
 * `node dist/bench/lost-neighbour.js --calls 600`: two workers of one thread share the calls, then one of them stands still for
 * ten seconds. The other takes its calls, more than it can do, and gives some back when the first one is there again. Told
 * second by second: the round trip of all frames. Each worker has a core; the load shares the one of the worker that stands still.
 */
import { parseArgs } from 'node:util';
import { systemClock } from '../shared/kernel/clock.ts';
import { Closers } from '../shared/kernel/closers.ts';
import { pause } from '../shared/kernel/deadline.ts';
import { twimlOf } from './documents.ts';
import { Load } from './load.ts';
import { pin, prefer } from './process-usage.ts';
import { UnderTest } from './under-test.ts';

const { values: options } = parseArgs({
  options: {
    calls: { type: 'string', default: '600' },
    rate: { type: 'string', default: '20' },
    'busy-limit': { type: 'string', default: '65' },
    seconds: { type: 'string', default: '60' },
  },
});
const SETTLE_MS = 15_000;
const FROZEN_MS = 10_000;
const calls = Number(options.calls);

const closers = new Closers();
const load = await Load.start(closers);
const system = await UnderTest.start(
  { trunkPort: load.sipPort, threads: 1, workers: 2, settings: { BUSY_LIMIT: options['busy-limit'] } },
  closers,
);
system.pin('0');
system.pinWorker(1, '1');
pin([...load.pids, process.pid], '1');
prefer(load.pids, 'real-time');
const twiml = twimlOf('two-way')(load);
for (let call = 0; call < calls; call++, await pause(systemClock, 1000 / Number(options.rate)))
  await system.place(twiml);
console.log(`${await system.untilUp(calls, 60_000)} of ${calls} calls are up`);
await pause(systemClock, SETTLE_MS);
load.measure();
await watch(5, 'before');
const frozen = system.freeze(FROZEN_MS, [1]);
await watch(FROZEN_MS / 1000, 'one worker stands still');
await frozen;
await watch(Number(options.seconds), 'it is there again');
await closers.close();
process.exit(0);

async function watch(seconds: number, what: string): Promise<void> {
  console.log(`  ${what}`);
  await load.window();
  for (let second = 1; second <= seconds; second++) {
    await pause(systemClock, 1000);
    const { frames, p50, p99, max } = await load.window();
    console.log(
      `    ${second} s: ${frames} frames, p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)}, max ${max.toFixed(1)} ms`,
    );
  }
}
