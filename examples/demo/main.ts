/**
 * `npm run demo`: one real call through the whole system, on free ports, in well under a minute. A phone
 * rings and answers, a document speaks to it, one stream listens and one talks back; what everybody
 * heard, the timeline and a picture are left in `demo-out/`, and the demo measures whether it all
 * came true.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { systemClock } from '../../shared/kernel/clock.ts';
import { Closers } from '../../shared/kernel/closers.ts';
import { pause, withDeadline } from '../../shared/kernel/deadline.ts';
import { type Stack, startStack } from '../../shared/launch/stack.ts';
import { wavFile } from '../../worker/media/wav-writer.ts';
import { openPhone, type Phone } from '../../worker/phones/phone.ts';
import { openSynthesiser } from '../../worker/speech/open-synthesiser.ts';
import { DemoApp } from './app.ts';
import { checkCall } from './checks.ts';
import { drawCall } from './picture.ts';
import { svgToPng } from './png.ts';
import { tellStory } from './story.ts';
import { describeEvent, followTimeline } from './timeline.ts';

const PROMPT = 'Hello. This is Pivot Streams. Say something, and the parrot will repeat it.';
const SPEECH = 'Good morning, parrot. The quick brown fox jumps over the lazy dog.';
const PRESSED = '1234#';
const PHONE_NUMBER = '+15550100001';
const OUR_NUMBER = '+15550009999';
const RATE = 8000;
const CALL_DEADLINE_MS = 60_000;

const outDir = path.resolve(process.env['OUT_DIR'] || 'demo-out');
const closers = new Closers();
let exitCode = 1;
try {
  exitCode = await demo();
} catch (error) {
  console.error(`\n✗ ${error instanceof Error ? error.message : error}`);
} finally {
  for (const error of await closers.close()) console.error(error);
}
process.exit(exitCode);

async function demo(): Promise<number> {
  mkdirSync(outDir, { recursive: true });
  const { prompt, speech } = await speak();
  const phone = await openPhone({ number: PHONE_NUMBER });
  closers.push(() => phone.close());
  const app = await DemoApp.start(document);
  closers.push(() => app.close());
  const stack = await startSystem(phone);
  console.log('\nThe call:');

  const playing = playPhone(phone, app, speech);
  const began = Date.now();
  const sid = await placeCall(stack, app.documentUrl);
  const api = { url: stack.apiUrl, authorization: authorization(stack) };
  const events = await withDeadline(
    systemClock,
    CALL_DEADLINE_MS,
    'the end of the call',
    followTimeline(
      api,
      sid,
      (event) => console.log(describeEvent(event, began)),
      AbortSignal.timeout(CALL_DEADLINE_MS),
    ),
  );
  const { heard, answeredAt } = await playing;
  await withDeadline(systemClock, 5_000, 'the end of the listening stream', app.listenerDone);

  const appInbound = app.track('inbound');
  const appOutbound = app.track('outbound');
  writeFileSync(path.join(outDir, 'phone-heard.wav'), wavFile(heard, RATE));
  writeFileSync(path.join(outDir, 'app-inbound.wav'), wavFile(appInbound, RATE));
  writeFileSync(path.join(outDir, 'app-outbound.wav'), wavFile(appOutbound, RATE));
  writeFileSync(path.join(outDir, 'timeline.json'), `${JSON.stringify(events, null, 2)}\n`);
  const svg = drawCall({
    title: 'One call, end to end',
    subtitle: `${sid}, ${OUR_NUMBER} to ${PHONE_NUMBER}; second 0 is the request`,
    ...tellStory(events, began),
    waves: [
      {
        label: 'the phone says',
        colour: '#2563eb',
        samples: appInbound,
        rate: RATE,
        fromSeconds: (answeredAt - began) / 1000,
      },
      {
        label: 'the phone hears',
        colour: '#16a34a',
        samples: heard,
        rate: RATE,
        fromSeconds: (answeredAt - began) / 1000,
      },
    ],
  });
  writeFileSync(path.join(outDir, 'call.svg'), svg);
  writeFileSync(path.join(outDir, 'call.png'), await svgToPng(svg));

  const status = events.findLast((event) => event.type === 'call.ended')?.ending.status ?? 'unknown';
  const checks = checkCall({
    prompt,
    speech,
    phoneHeard: heard,
    appInbound,
    appOutbound,
    pressed: PRESSED,
    streams: [app.listener, app.parrot],
    status,
  });
  console.log('\nMeasured:');
  for (const { holds, sentence } of checks) console.log(`  ${holds ? '✓' : '✗'} ${sentence}`);
  console.log(`\nIn ${path.relative(process.cwd(), outDir) || outDir}:`);
  for (const name of [
    'phone-heard.wav',
    'app-inbound.wav',
    'app-outbound.wav',
    'timeline.json',
    'call.svg',
    'call.png',
  ]) {
    console.log(`  ${name}`);
  }
  return checks.every(({ holds }) => holds) ? 0 : 1;
}

function document(app: DemoApp): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<Response>
  <Start><Stream name="listener" url="${app.socketUrl('/listen')}" track="both_tracks" audioMix="stereo"/></Start>
  <Say>${PROMPT}</Say>
  <Connect><Stream name="parrot" url="${app.socketUrl('/talk')}" dialect="twilio"/></Connect>
</Response>`;
}

/** The phone's part: answer, listen, speak to the parrot, press keys, hang up. */
async function playPhone(
  phone: Phone,
  app: DemoApp,
  speech: Int16Array,
): Promise<{ heard: Int16Array; answeredAt: number }> {
  const call = await phone.waitForCall(30_000);
  call.ring();
  await pause(systemClock, 400);
  await call.answer();
  await call.answered;
  const answeredAt = Date.now();
  const recording = call.record();
  await withDeadline(systemClock, 30_000, 'the two-way stream', app.parrotOpen);
  await call.play(speech);
  await pause(systemClock, 1_200);
  await call.press(PRESSED);
  await pause(systemClock, 800);
  call.hangup();
  return { heard: recording.samples(), answeredAt };
}

async function startSystem(phone: Phone): Promise<Stack> {
  const dataDir = path.join(outDir, '.data');
  rmSync(dataDir, { recursive: true, force: true });
  closers.push(() => rmSync(dataDir, { recursive: true, force: true }));
  const { host, port } = phone.address;
  const stack = await startStack({
    dataDir,
    environment: {
      PORT: '0',
      SIP_PORT: '0',
      WORKER_THREADS: '1',
      ALLOW_PRIVATE_ADDRESSES: 'on',
      LOG_LEVEL: 'warn',
      DRAIN_TIMEOUT: '2s',
      TRUNKS: JSON.stringify([{ name: 'the-phone', host: `${host}:${port}`, transport: 'udp', prefixes: [''] }]),
    },
    clock: systemClock,
    drainMs: 8_000,
    onProgress: (line) => console.log(`• ${line}`),
    onLine: (service, line) => console.log(`[${service}] ${line}`),
  });
  closers.push(() => stack.stop());
  return stack;
}

async function placeCall(stack: Stack, url: string): Promise<string> {
  const response = await fetch(`${stack.apiUrl}/calls`, {
    method: 'POST',
    headers: { Authorization: authorization(stack), 'Content-Type': 'application/json' },
    body: JSON.stringify({ to: PHONE_NUMBER, from: OUR_NUMBER, url }),
    signal: AbortSignal.timeout(10_000),
  });
  if (response.status !== 201) throw new Error(`POST /calls answered ${response.status}: ${await response.text()}`);
  return ((await response.json()) as { sid: string }).sid;
}

function authorization({ account }: Stack): string {
  return `Basic ${Buffer.from(`${account.ACCOUNT_SID}:${account.AUTH_TOKEN}`).toString('base64')}`;
}

/** The same engine that speaks in the call, so that its words can be found again in the recordings. */
async function speak(): Promise<{ prompt: Int16Array; speech: Int16Array }> {
  const synthesiser = await openSynthesiser({ clock: systemClock, espeak: null });
  const say = (text: string): Promise<Int16Array> =>
    synthesiser.synthesise({ text, language: 'en-us', voice: 'man' }, RATE, AbortSignal.timeout(20_000));
  try {
    return { prompt: await say(PROMPT), speech: await say(SPEECH) };
  } finally {
    await synthesiser.close();
  }
}
