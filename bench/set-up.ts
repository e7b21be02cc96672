/**
 * `node dist/bench/set-up.js --rate 75 --calls 2000`: calls placed at an even rate on both cores, each answered at once and
 * hung up by its document: how many a second, how long from `POST /calls` to the INVITE at the phone, and how many failed.
 * `--streams`: each has a one-way stream as well; how long from the phone's answer to the first media message at the app.
 */
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { WebSocketServer } from 'ws';
import { systemClock } from '../shared/kernel/clock.ts';
import { Closers } from '../shared/kernel/closers.ts';
import { pause } from '../shared/kernel/deadline.ts';
import { silentLogger } from '../shared/kernel/log.ts';
import { openUserAgent } from '../worker/sip/user-agent.ts';
import { indifferent, pcmuAnswer } from './bare-phone.ts';
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
/** Nobody listens here: sound is not what is measured. */
const DISCARD_PORT = 9;

const rate = Number(options.rate);
const calls = Number(options.calls);
const closers = new Closers();
const app = options.streams ? await openApp() : null;
const invitedAt = new Map<string, number>();
const answeredAt = new Map<string, number>();
const heardAt = new Map<string, number>();
const phone = await openUserAgent(
  { host: '127.0.0.1', port: 0, publicAddress: null, product: 'bench-phone' },
  {
    onInvite: (invitation) => {
      const from = invitation.from.uri.user ?? '';
      invitedAt.set(from, performance.now());
      invitation.accept(indifferent).answer(pcmuAnswer(DISCARD_PORT));
      answeredAt.set(from, performance.now());
    },
  },
  systemClock,
  silentLogger,
);
closers.push(() => phone.close(0));
const system = await UnderTest.start(
  { trunkPort: phone.address.port, threads: Number(options.threads), settings: { BUSY_LIMIT: '0' } },
  closers,
);
// The first calls of a new process are slower, and none of the rate's.
for (let call = 0; call < 20; call++) await system.place(documentOf('+15551999999'));
await pause(systemClock, 3000);

const postedAt = new Map<string, number>();
const posts: Promise<unknown>[] = [];
let refused = 0;
const began = performance.now();
const usedBefore = system.usageByService;
const loadBefore = process.cpuUsage();
for (let call = 0; call < calls; call++) {
  const from = `+1555${String(2_000_000 + call)}`;
  const dueMs = (call * 1000) / rate - (performance.now() - began);
  if (dueMs > 0) await pause(systemClock, dueMs);
  postedAt.set(from, performance.now());
  posts.push(
    system.place(documentOf(from), { from }).then((sid) => {
      if (sid === null) refused++;
    }),
  );
}
await Promise.all(posts);
const placedMs = performance.now() - began;
const last = app === null ? invitedAt : heardAt;
for (const until = performance.now() + LAST_WITHIN_MS; between(postedAt, last).length < calls - refused; ) {
  if (performance.now() > until) break;
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
    ...(app === null
      ? {}
      : {
          heard: firsts.length,
          mediaP50Ms: at(firsts, 0.5),
          mediaP95Ms: at(firsts, 0.95),
          mediaMaxMs: at(firsts, 0.9999),
        }),
    cpuMsPerCall: perCall(sum(system.usageByService) - sum(usedBefore)),
  },
]);
const usedNow = system.usageByService;
const load = process.cpuUsage(loadBefore);
const byService = [...usedNow].map(([name, ms]) => `${name} ${perCall(ms - (usedBefore.get(name) ?? 0))}`);
console.log(`CPU-ms a call: ${byService.join(', ')}; this load ${perCall((load.user + load.system) / 1000)}`);
await closers.close();
process.exit(0);

function sum(usage: ReadonlyMap<string, number>): number {
  return [...usage.values()].reduce((all, ms) => all + ms, 0);
}

function perCall(ms: number): number {
  return Math.round((ms / calls) * 10) / 10;
}

function documentOf(from: string): string {
  const stream = app === null ? '' : `<Start><Stream url="ws://127.0.0.1:${app}/${from.slice(1)}"/></Start>`;
  return `<Response>${stream}<Pause length="1"/></Response>`;
}

/** The app of all streams; answers with its port. Each call has a path of its own. */
async function openApp(): Promise<number> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  closers.push(() => server.close());
  server.on('connection', (socket, request) => {
    const from = `+${request.url?.slice(1)}`;
    const onMessage = (data: Buffer): void => {
      if (!data.includes('"event":"media"')) return;
      heardAt.set(from, performance.now());
      socket.off('message', onMessage);
    };
    socket.on('message', onMessage);
  });
  await new Promise((resolve) => server.once('listening', resolve));
  return (server.address() as AddressInfo).port;
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
