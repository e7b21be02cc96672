/**
 * `node dist/bench/playback.js --calls 30 --beside 100`: what the caller hears of a two-way stream, measured at the phone over
 * real SIP, RTP and WebSocket: from `clear` to silence, how true `mark` is, and from the answer to the first media message.
 * One call after the other; with `--beside` so many others are up meanwhile, whose apps send everything back.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { type WebSocket, WebSocketServer } from 'ws';
import { systemClock } from '../shared/kernel/clock.ts';
import { Closers } from '../shared/kernel/closers.ts';
import { pause } from '../shared/kernel/deadline.ts';
import { AppSide } from './app-side.ts';
import { openBarePhone } from './bare-phone.ts';
import { twimlOf } from './documents.ts';
import { Load } from './load.ts';
import { pin, prefer } from './process-usage.ts';
import { UnderTest } from './under-test.ts';

const { values: options } = parseArgs({
  options: {
    calls: { type: 'string', default: '30' },
    /** Other calls that are up. */
    beside: { type: 'string', default: '0' },
  },
});
const MEASURED = '+15550100001';
const BESIDE = '+25550100002';
const MARKS = 3;
const CLEARS = 2;
const FRAME_MS = 20;
const MARKED_FRAMES = 20;
const SETTLE_MS = 8_000;
/** An RTP payload that is heard: µ-law codes of the tone and of its fade, not of silence. */
const isLoud = (packet: Buffer): boolean => packet.subarray(12).some((code) => (~code & 0x7f) > 0x20);

/** All in milliseconds. */
const seen = {
  /** `clear` sent to the last loud frame heard. */
  clear: [] as number[],
  /** When a mark came back minus when the audio before it ended at the phone. */
  mark: [] as number[],
  /** `playedMs` of a mark minus the audio sent before it. */
  markError: [] as number[],
  /** 200 OK sent by the phone to the first media message at the app. */
  firstMedia: [] as number[],
};

const closers = new Closers();
const server = createServer();
const sockets = new WebSocketServer({ server });
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
closers.push(() => void server.close());
const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
let lastLoudAt = 0;
let answered: (hangup: () => void) => void = () => {};
const phone = await openBarePhone({
  onAnswer: (hangup) => answered(hangup),
  onPacket: (packet) => {
    if (isLoud(packet)) lastLoudAt = performance.now();
  },
});
closers.push(() => phone.close());
const beside = Number(options.beside);
const load = beside > 0 ? await Load.start(closers) : null;
const trunk = (name: string, port: number, prefix: string) => ({
  name,
  host: `127.0.0.1:${port}`,
  transport: 'udp',
  prefixes: [prefix],
});
const trunks = [trunk('phone', phone.port, '+1'), ...(load === null ? [] : [trunk('load', load.sipPort, '+2')])];
const system = await UnderTest.start(
  { trunkPort: phone.port, threads: 1, settings: { BUSY_LIMIT: '0', TRUNKS: JSON.stringify(trunks) } },
  closers,
);
if (load !== null) await fill(load);

for (let call = 0; call < Number(options.calls); call++) {
  await measure();
  process.stdout.write('.');
}
console.log(`\nfirst media of the first call: ${seen.firstMedia[0]?.toFixed(1)} ms`);
console.table(Object.fromEntries(Object.entries(seen).map(([what, values]) => [what, spread(values)])));
await closers.close();
process.exit(0);

/** The other calls; the system has one core for itself, and everything else the other. */
async function fill(others: Load): Promise<void> {
  system.pin('0');
  pin([...others.pids, process.pid], '1');
  if (!prefer([...others.pids, process.pid], 'real-time')) console.log('  no real-time priority: our own delays count');
  const twiml = twimlOf('two-way')(others);
  for (let call = 0; call < beside; call++) {
    await system.place(twiml, { to: BESIDE });
    await pause(systemClock, 40);
  }
  const up = await system.untilUp(beside, 30_000);
  if (up < beside) throw new Error(`${up} of ${beside} calls are up`);
  await pause(systemClock, SETTLE_MS);
}

async function measure(): Promise<void> {
  const connected = new Promise<WebSocket>((resolve) => sockets.once('connection', resolve));
  const answer = new Promise<() => void>((resolve) => {
    answered = resolve;
  });
  await system.place(`<Response><Connect><Stream url="${url}" dialect="twilio"/></Connect></Response>`, {
    to: MEASURED,
  });
  const hangup = await answer;
  const answeredAt = performance.now();
  const app = new AppSide(await connected);
  await app.first('media');
  seen.firstMedia.push(app.at - answeredAt);

  let saidMs = 0;
  for (let turn = 0; turn < MARKS; turn++) {
    app.tone(MARKED_FRAMES);
    app.send({ event: 'mark', mark: { name: 'one' } });
    saidMs += MARKED_FRAMES * FRAME_MS;
    const { mark } = await app.first('mark');
    const markedAt = app.at;
    await anyPhase(100);
    seen.mark.push(markedAt - lastLoudAt);
    seen.markError.push(mark.playedMs - saidMs);
  }
  for (let turn = 0; turn < CLEARS; turn++) {
    app.tone(150);
    await anyPhase(400);
    const clearedAt = performance.now();
    app.send({ event: 'clear' });
    await anyPhase(250);
    seen.clear.push(lastLoudAt - clearedAt);
  }
  hangup();
}

/** At least so long, and at no fixed place of a frame. */
function anyPhase(ms: number): Promise<void> {
  return pause(systemClock, ms + Math.random() * FRAME_MS);
}

function spread(values: readonly number[]): Record<string, number> {
  const sorted = [...values].sort((one, other) => one - other);
  const at = (share: number): number =>
    Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN) * 10) / 10;
  return { number: values.length, min: at(0), p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}
