/**
 * The control plane alone: as many calls as are asked for, without media. Real Redis, store, queues, leases and pools;
 * the calls say what real ones say. Measures set-up, holding, the loss of a host, and ends.
 *
 *   npm run simulate -- --calls 100000 --lost 1000 --hold 20
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { systemClock as clock } from '../../shared/kernel/clock.ts';
import { Closers } from '../../shared/kernel/closers.ts';
import type { CallSid } from '../../shared/kernel/ids.ts';
import { silentLogger } from '../../shared/kernel/log.ts';
import { startRedis } from '../../shared/launch/redis.ts';
import type { CallQueue } from '../../shared/queue/ports.ts';
import { openQueue } from '../../shared/queue/queue.ts';
import { openStore } from '../../shared/store/open.ts';
import { connectRedisAt, untilReady } from '../../shared/store/redis.ts';
import type { Store } from '../../shared/store/store.ts';
import type { HostOrder, HostReport } from './host.ts';
import { loadBetween, type RedisFigures, redisFigures, silences, slowest } from './redis-figures.ts';
import { GATEWAY, SimulatedGateway, simulatedCall } from './world.ts';

const { values: options } = parseArgs({
  options: {
    calls: { type: 'string', default: '100000' },
    /** How many of them are on the host that is killed. */
    lost: { type: 'string', default: '1000' },
    /** Seconds in which nothing happens but that the calls are up. */
    hold: { type: 'string', default: '20' },
    /** How many are ended one by one at the end; the others go with Redis. */
    end: { type: 'string', default: '5000' },
    /** Processes that hold the others. */
    hosts: { type: 'string', default: '4' },
    'per-thread': { type: 'string', default: '2000' },
    /** Calls being set up at a time. */
    width: { type: 'string', default: '200' },
  },
});
const [calls, lost, holdS, end, hosts, perThread, width] = [
  Number(options.calls),
  Number(options.lost),
  Number(options.hold),
  Number(options.end),
  Number(options.hosts),
  Number(options['per-thread']),
  Number(options.width),
];
const GIVE_UP_MS = 600_000;
const SLOW_US = 5000;
const PROGRESS_MS = 10_000;
/** What keeps Redis from answering for so long is told at the end. */
const SILENT_MS = 50;

class Tally {
  readonly sids: CallSid[] = [];
  up = 0;
  takenOver = 0;
}

async function run(closers: Closers): Promise<void> {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'pivot-simulate-'));
  closers.push(() => rmSync(dataDir, { recursive: true, force: true }));
  const redis = await startRedis(dataDir, clock, (how) => console.error(`redis ${how}`));
  closers.push(() => redis.stop());
  const raw = connectRedisAt(redis.url, 'simulate', 'subscriber', silentLogger);
  closers.push(() => raw.disconnect());
  await untilReady(raw, clock, 10_000);
  await raw.config('SET', 'slowlog-log-slower-than', String(SLOW_US));
  await raw.config('SET', 'slowlog-max-len', '2000');
  await raw.config('SET', 'latency-monitor-threshold', String(SILENT_MS));
  const store = await openStore(
    redis.url,
    { retentionMs: 3_600_000, gatewayPresenceMs: 3_600_000 },
    clock,
    silentLogger,
  );
  closers.push(() => store.close());
  const queue = await openQueue(redis.url, clock, silentLogger);
  closers.push(() => queue.close());
  const gateway = new SimulatedGateway(store, queue);
  await store.presence.announceGateway(GATEWAY, { address: '192.0.2.1:5060' });
  const bell = queue.hearSignals(GATEWAY, (sid) => gateway.onBell(sid));
  closers.push(() => bell.abandon());

  const tally = new Tally();
  const empty = await redisFigures(raw);
  const doomed = await startHost({ redisUrl: redis.url, threads: 1, callsPerThread: lost }, tally, closers);
  await setUp(store, queue, tally, lost);
  // Room for the calls of the one that is lost, whoever takes them.
  const threads = Math.ceil(calls / perThread / hosts) + 1;
  const order = { redisUrl: redis.url, threads, callsPerThread: perThread };
  await Promise.all(Array.from({ length: hosts }, () => startHost(order, tally, closers)));

  const begun = await redisFigures(raw);
  await setUp(store, queue, tally, calls - lost);
  const allUp = await redisFigures(raw);
  report('set up', calls - lost, begun, allUp);

  await raw.slowlog('RESET');
  await wait(holdS * 1000);
  const held = await redisFigures(raw);
  report('held', null, allUp, held);
  for (const line of await slowest(raw)) console.log(`    ${line}`);
  await lists(store);
  await loseHost(doomed, tally);
  await endSome(store, queue, tally, raw);
  console.log(`longest silences of Redis: ${(await silences(raw)).join(', ') || `none over ${SILENT_MS} ms`}`);
  const mean = (held.memory - empty.memory) / calls;
  console.log(`memory: ${(held.memory / 2 ** 20).toFixed(0)} MiB in Redis, ${(mean / 1024).toFixed(1)} KiB a call`);
  if (gateway.failures.size > 0) console.log('failures', Object.fromEntries(gateway.failures));
  const right = tally.takenOver === lost && gateway.failures.size === 0;
  console.log(right ? 'every call is where it should be' : 'CALLS ARE MISSING');
  if (!right) process.exitCode = 1;
}

function report(what: string, count: number | null, before: RedisFigures, after: RedisFigures): void {
  const load = loadBetween(before, after);
  const seconds = (after.atMs - before.atMs) / 1000;
  const each =
    count === null
      ? ''
      : `, ${(count / seconds).toFixed(0)} calls/s, ${((after.commands - before.commands) / count).toFixed(0)} commands a call`;
  console.log(
    `${what} in ${seconds.toFixed(1)} s${each}: Redis ${load.commandsPerSecond} commands/s, ${load.scriptsPerSecond} scripts/s of ${load.meanScriptUs} µs, ${load.corePercent} % of a core`,
  );
}

async function startHost(order: HostOrder, tally: Tally, closers: Closers): Promise<ChildProcess> {
  const child = fork(new URL('./host.js', import.meta.url), ['--host'], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  closers.push(() => void child.kill('SIGKILL'));
  const opened = new Promise<void>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`a host ended with ${code}`)));
    child.on('message', ({ kind }: HostReport) => {
      if (kind === 'open') resolve();
      else if (kind === 'up') tally.up += 1;
      else tally.takenOver += 1;
    });
  });
  child.send(order);
  await opened;
  return child;
}

/** Places calls, `width` at a time, and waits until they are up. */
async function setUp(store: Store, queue: CallQueue, tally: Tally, count: number): Promise<void> {
  const goal = tally.sids.length + count;
  const upNow = (): number => tally.up;
  const until = performance.now() + GIVE_UP_MS;
  let [toldMs, toldUp] = [performance.now(), upNow()];
  let placed = tally.sids.length;
  while (upNow() < goal) {
    if (performance.now() > until) throw new Error(`only ${upNow()} of ${goal} calls came up`);
    const sinceMs = performance.now() - toldMs;
    if (sinceMs > PROGRESS_MS) {
      console.log(`  ${upNow()} of ${goal} are up, ${(((upNow() - toldUp) / sinceMs) * 1000).toFixed(0)} calls/s`);
      [toldMs, toldUp] = [performance.now(), upNow()];
    }
    const room = width - (placed - upNow());
    if (placed === goal || room < width / 10) {
      await wait(2);
      continue;
    }
    const batch = Math.min(room, goal - placed);
    placed += batch;
    await Promise.all(
      Array.from({ length: batch }, async () => {
        const call = simulatedCall(clock.now());
        await store.calls.create(call);
        await queue.addCall(call.sid);
        tally.sids.push(call.sid);
      }),
    );
  }
}

/** What a person looks at: the newest page, and a search that finds nothing. */
async function lists(store: Store): Promise<void> {
  const times: string[] = [];
  for (const [what, filter] of [
    ['newest', {}],
    ['in progress', { status: 'in-progress' }],
    ['to nobody', { to: '+1nobody' }],
  ] as const) {
    const startMs = performance.now();
    await store.calls.list(filter, 50, null);
    times.push(`${what} ${(performance.now() - startMs).toFixed(0)} ms`);
  }
  console.log(`a page of 50: ${times.join(', ')}`);
}

async function loseHost(host: ChildProcess, tally: Tally): Promise<void> {
  host.removeAllListeners('exit');
  const killedMs = performance.now();
  host.kill('SIGKILL');
  let first = 0;
  while (tally.takenOver < lost && performance.now() < killedMs + 60_000) {
    if (first === 0 && tally.takenOver > 0) first = performance.now() - killedMs;
    await wait(10);
  }
  const all = performance.now() - killedMs;
  console.log(
    `a host with ${lost} calls killed: ${tally.takenOver} taken over, the first after ${(first / 1000).toFixed(1)} s, the last after ${(all / 1000).toFixed(1)} s`,
  );
}

async function endSome(
  store: Store,
  queue: CallQueue,
  tally: Tally,
  raw: ReturnType<typeof connectRedisAt>,
): Promise<void> {
  const some = tally.sids.slice(-end);
  const before = await redisFigures(raw);
  for (let from = 0; from < some.length; from += width) {
    await Promise.all(
      some.slice(from, from + width).map(async (sid) => {
        const posted = await store.mailbox.postToCall(sid, { kind: 'end', status: 'completed' });
        if (posted.kind === 'posted' && posted.owner) await queue.ringOwner(posted.owner, sid);
      }),
    );
  }
  const last = some.at(-1);
  while (last && (await store.calls.get(last))?.status !== 'completed') await wait(5);
  report('ended', some.length, before, await redisFigures(raw));
}

const closers = new Closers();
console.log(`${calls} calls, ${lost} of them on a host that is lost; ${perThread} a thread`);
await run(closers).finally(() => closers.close());
process.exit();
