/**
 * `node dist/bench/deaf-apps.js --calls 125`: what streams cost whose app reads nothing. Calls with four one-way streams
 * each, over real SIP, RTP and WebSockets; then the app stops reading, and reads again before it counts as lost.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { systemClock } from '../shared/kernel/clock.ts';
import { Closers } from '../shared/kernel/closers.ts';
import { pause } from '../shared/kernel/deadline.ts';
import { twimlOf } from './documents.ts';
import { Load } from './load.ts';
import { pin, prefer } from './process-usage.ts';
import { type ShownStream, UnderTest } from './under-test.ts';

const { values: options } = parseArgs({
  options: {
    calls: { type: 'string', default: '125' },
    /** Seconds without reading; an app that answers no ping is lost within a minute. */
    seconds: { type: 'string', default: '30' },
  },
});
const calls = Number(options.calls);
const UP_WITHIN_MS = 60_000;
const SETTLE_MS = 10_000;
const STEP_MS = 5000;
/** The app has read what was waiting, and garbage is collected. */
const CATCH_UP_MS = 15_000;
const PAGE_MB = 4096 / 2 ** 20;

const closers = new Closers();
const load = await Load.start(closers);
load.narrow();
const system = await UnderTest.start({ trunkPort: load.sipPort, threads: 1, settings: { BUSY_LIMIT: '0' } }, closers);
system.pin('0');
pin([...load.pids, process.pid], '1');
prefer(load.pids, 'real-time');
const twiml = twimlOf('four-one-way')(load);
const sids: string[] = [];
for (; sids.length < calls; await pause(systemClock, 100)) {
  const sid = await system.place(twiml);
  if (sid === null) throw new Error(`no room after ${sids.length} calls`);
  sids.push(sid);
}
await system.untilUp(calls, UP_WITHIN_MS);
await pause(systemClock, SETTLE_MS);
await show('the app reads');
load.listen(false);
for (let waited = STEP_MS; waited <= Number(options.seconds) * 1000; waited += STEP_MS) {
  await pause(systemClock, STEP_MS);
  await show(`deaf for ${waited / 1000} s`);
}
load.listen(true);
await pause(systemClock, CATCH_UP_MS);
await show('it reads again');
await closers.close();
process.exit(0);

async function show(when: string): Promise<void> {
  const streams: ShownStream[] = [];
  for (const sid of sids) streams.push(...(await system.streams(sid)));
  const dropped = streams.reduce((sum, { counters }) => sum + (counters['framesDropped'] ?? 0), 0);
  const up = streams.filter(({ status }) => status === 'in-progress').length;
  const worker = (system.workerMemoryKb / 1024).toFixed(0);
  console.log(
    `${when}: ${up} streams, worker ${worker} MB, TCP of the kernel ${kernelMb()} MB, ${dropped} frames dropped`,
  );
}

/** What the kernel keeps for all TCP sockets of this machine. */
function kernelMb(): string {
  const pages = Number(/^TCP:.* mem (\d+)/m.exec(readFileSync('/proc/net/sockstat', 'utf8'))?.[1]);
  return (pages * PAGE_MB).toFixed(0);
}
