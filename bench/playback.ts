/**
 * `node dist/bench/playback.js`: what the caller hears of a two-way stream, measured at the phone over real
 * SIP, RTP and WebSocket: from `clear` to silence, how true `mark` is, and from the answer to the first
 * media message. One call after the other, so that nothing but the path itself is measured.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { type WebSocket, WebSocketServer } from 'ws';
import { systemClock } from '../shared/kernel/clock.ts';
import { Closers } from '../shared/kernel/closers.ts';
import { pause } from '../shared/kernel/deadline.ts';
import { type Stack, startStack } from '../shared/launch/stack.ts';
import { AppSide } from './app-side.ts';
import { openBarePhone } from './bare-phone.ts';

const CALLS = Number(process.argv[2] ?? 30);
/** An RTP payload that is heard: µ-law codes of the tone and of its fade, not of silence. */
const isLoud = (packet: Buffer): boolean => packet.subarray(12).some((code) => (~code & 0x7f) > 0x20);

interface Trial {
  /** `clear` sent to the last loud frame heard. */
  readonly clearMs: number;
  /** When the mark came back minus when the audio before it ended at the phone. */
  readonly markMs: number;
  /** `playedMs` of the mark minus the audio sent before it. */
  readonly markErrorMs: number;
  /** 200 OK sent by the phone to the first media message at the app. */
  readonly firstMediaMs: number;
}

const closers = new Closers();
const server = createServer();
const sockets = new WebSocketServer({ server });
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
closers.push(() => void server.close());
let lastLoudAt = 0;
let answered: (hangup: () => void) => void = () => {};
const phone = await openBarePhone({
  onAnswer: (hangup) => answered(hangup),
  onPacket: (packet) => {
    if (isLoud(packet)) lastLoudAt = performance.now();
  },
});
closers.push(() => phone.close());
const dataDir = mkdtempSync(path.join(os.tmpdir(), 'pivot-bench-'));
closers.push(() => rmSync(dataDir, { recursive: true, force: true }));
const stack = await startStack({
  dataDir,
  environment: {
    PORT: '0',
    SIP_PORT: '0',
    WORKER_THREADS: '1',
    ALLOW_PRIVATE_ADDRESSES: 'on',
    LOG_LEVEL: 'error',
    DRAIN_TIMEOUT: '1s',
    TRUNKS: JSON.stringify([{ name: 'phone', host: `127.0.0.1:${phone.port}`, transport: 'udp', prefixes: [''] }]),
  },
  clock: systemClock,
  drainMs: 8_000,
  onProgress: () => {},
  onLine: (service, line) => console.log(`[${service}] ${line}`),
});
closers.push(() => stack.stop());

const trials: Trial[] = [];
for (let call = 0; call < CALLS; call++) {
  trials.push(await measure(stack));
  process.stdout.write('.');
}
console.log();
const columns = ['clearMs', 'markMs', 'markErrorMs', 'firstMediaMs'] as const;
console.table(Object.fromEntries(columns.map((column) => [column, spread(trials.map((trial) => trial[column]))])));
await closers.close();
process.exit(0);

async function measure(system: Stack): Promise<Trial> {
  const connected = new Promise<WebSocket>((resolve) => sockets.once('connection', resolve));
  const answer = new Promise<() => void>((resolve) => {
    answered = resolve;
  });
  await place(system);
  const hangup = await answer;
  const answeredAt = performance.now();
  const socket = await connected;
  const app = new AppSide(socket);
  await app.first('media');
  const firstMediaMs = app.at - answeredAt;

  app.tone(50);
  app.send({ event: 'mark', mark: { name: 'one' } });
  const mark = await app.first('mark');
  const markedAt = app.at;
  await pause(systemClock, 200);
  const markMs = markedAt - lastLoudAt;

  app.tone(150);
  await pause(systemClock, 1_000);
  app.send({ event: 'clear' });
  const clearedAt = performance.now();
  await pause(systemClock, 500);
  const clearMs = lastLoudAt - clearedAt;
  hangup();
  return { clearMs, markMs, markErrorMs: mark.mark.playedMs - 1000, firstMediaMs };
}

async function place({ apiUrl, account }: Stack): Promise<void> {
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const response = await fetch(`${apiUrl}/calls`, {
    method: 'POST',
    headers: {
      Authorization: `Basic ${Buffer.from(`${account.ACCOUNT_SID}:${account.AUTH_TOKEN}`).toString('base64')}`,
      'Content-Type': 'application/json',
    },
    body: JSON.stringify({
      to: '+15550100001',
      from: '+15550009999',
      twiml: `<Response><Connect><Stream url="${url}" dialect="twilio"/></Connect></Response>`,
    }),
  });
  if (response.status !== 201) throw new Error(`POST /calls answered ${response.status}: ${await response.text()}`);
}

function spread(values: readonly number[]): Record<string, number> {
  const sorted = [...values].sort((one, other) => one - other);
  const at = (share: number): number =>
    Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN) * 10) / 10;
  return { min: at(0), p50: at(0.5), p95: at(0.95), max: at(1) };
}
