/**
 * `node dist/bench/set-up.js --rate 75 --calls 600`: calls placed at an even rate on both cores, each answered at once and
 * hung up by its document: how many a second, how long from `POST /calls` to the INVITE at the phone, and how many failed.
 */
import { parseArgs } from 'node:util';
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
    calls: { type: 'string', default: '600' },
    threads: { type: 'string', default: '2' },
  },
});
const LAST_WITHIN_MS = 10_000;
/** Nobody listens here: sound is not what is measured. */
const DISCARD_PORT = 9;

const rate = Number(options.rate);
const calls = Number(options.calls);
const closers = new Closers();
const invitedAt = new Map<string, number>();
const phone = await openUserAgent(
  { host: '127.0.0.1', port: 0, publicAddress: null, product: 'bench-phone' },
  {
    onInvite: (invitation) => {
      invitedAt.set(invitation.from.uri.user ?? '', performance.now());
      invitation.accept(indifferent).answer(pcmuAnswer(DISCARD_PORT));
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
const twiml = '<Response><Pause length="1"/></Response>';
// The first calls of a new process are slower, and none of the rate's.
for (let call = 0; call < 20; call++) await system.place(twiml);
await pause(systemClock, 3000);

const postedAt = new Map<string, number>();
const posts: Promise<unknown>[] = [];
let refused = 0;
const began = performance.now();
const usedBefore = system.usage.systemMs;
for (let call = 0; call < calls; call++) {
  const from = `+1555${String(2_000_000 + call)}`;
  const dueMs = (call * 1000) / rate - (performance.now() - began);
  if (dueMs > 0) await pause(systemClock, dueMs);
  postedAt.set(from, performance.now());
  posts.push(
    system.place(twiml, { from }).then((sid) => {
      if (sid === null) refused++;
    }),
  );
}
await Promise.all(posts);
const placedMs = performance.now() - began;
for (const until = performance.now() + LAST_WITHIN_MS; invited().length < calls - refused; ) {
  if (performance.now() > until) break;
  await pause(systemClock, 50);
}
const delays = invited().sort((one, other) => one - other);
const at = (share: number): number => Math.round((delays[Math.floor(delays.length * share)] ?? Number.NaN) * 10) / 10;
console.table([
  {
    calls,
    perSecond: Math.round((calls / placedMs) * 10_000) / 10,
    refused,
    notInvited: calls - refused - delays.length,
    inviteP50Ms: at(0.5),
    inviteP95Ms: at(0.95),
    inviteMaxMs: at(0.9999),
    cpuMsPerCall: Math.round(((system.usage.systemMs - usedBefore) / calls) * 10) / 10,
  },
]);
await closers.close();
process.exit(0);

/** From POST to INVITE, in ms. */
function invited(): number[] {
  return [...postedAt].flatMap(([from, posted]) => {
    const arrived = invitedAt.get(from);
    return arrived === undefined ? [] : [arrived - posted];
  });
}
