/**
 * After every way a call can end, everything it had is given back: sockets, ports, descriptors, threads, timers, legs,
 * dialogs and keys are at the count the system began with. All endings happen at once, several times.
 */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { openPhone, type Phone } from '../../worker/phones/phone.ts';
import { App } from '../support/app.ts';
import { scrape } from '../support/exposition.ts';
import { until } from '../support/scene.ts';
import { suiteOwner } from '../support/suite.ts';
import { type System, startSystem } from '../support/system.ts';

const TIMES = 3;
/** SIP keeps what it has answered for 32 s, to answer it again (RFC 3261 §17, timers J and K). */
const SETTLED_WITHIN_MS = 50_000;
/** Timers a process sets once and keeps. */
const KEPT_TIMERS = 4;

const SILENT = '+15550100010';
const RINGS_FOR_EVER = '+15550100004';

/** How a call should have ended: its sid, final status and cause. */
type End = readonly [sid: string, status: string, cause: string];

describe('the leak ledger', () => {
  const owner = suiteOwner();
  let system: System;
  let app: App;
  let phone: Phone;
  let timersBefore: Readonly<Record<string, number>>;

  before(async () => {
    app = await App.start(owner);
    for (const path of ['/status', '/account']) app.page(path, '');
    app.onStream = (seen) => {
      if (seen.path === '/close') seen.socket.close(1000);
      else if (seen.path === '/cut') seen.socket.terminate();
    };
    phone = await openPhone();
    owner.after(() => phone.close());
    const environment = { PROBE_PORT: '0', WEBHOOK_URL: app.url('/account') };
    system = await startSystem(owner, { workers: 2, environment });
    timersBefore = await timers();
  });

  /** Pending timers by process and thread. */
  async function timers(): Promise<Readonly<Record<string, number>>> {
    const { samples } = await scrape(system);
    const found = samples.filter(({ name }) => name === 'pivot_timers');
    return Object.fromEntries(found.map(({ value }, index) => [index, value]));
  }

  const call = (to: string, verbs: string, fields: Record<string, unknown> = {}): Promise<string> =>
    system.call({ to, twiml: `<Response>${verbs}</Response>`, statusCallback: app.url('/status'), ...fields });
  const connect = (path: string): string => `<Connect><Stream url="${app.wsUrl(path)}"/></Connect>`;
  const reaches = (sid: string, status: string) =>
    system.event(sid, (event) => event.type === 'call.status' && event['status'] === status);
  const order = (sid: string, status: string) => system.api('POST', `/calls/${sid}`, { status });

  async function inbound(number: string, fields: object, then: 'bye' | 'cancel' | 'wait'): Promise<void> {
    await system.api('PUT', `/numbers/${number}`, fields);
    const caller = await phone.call(`sip:${number}@${system.stack.sipAddress}`);
    if (then === 'bye') await caller.answered.then(() => caller.hangup());
    if (then === 'cancel') setTimeout(() => caller.hangup(), 500);
    await caller.ended;
  }

  const waits = '<Pause length="60"/>';

  const outbound: Readonly<Record<string, () => Promise<End>>> = {
    'the document ends': async () => [await call(SILENT, '<Pause length="1"/>'), 'completed', 'document_ended'],
    'a hang-up in the document': async () => [
      await call(SILENT, '<Say>Bye.</Say><Hangup/>'),
      'completed',
      'hangup_verb',
    ],
    'the far end hangs up': async () => [await call('+15550100017', waits), 'completed', 'far_hangup'],
    'the far end is busy': async () => [await call('+15550100003', waits), 'busy', 'busy'],
    'the far end declines': async () => [await call('+15550100005', waits), 'busy', 'declined'],
    'no such number': async () => [await call('+15550100404', waits), 'failed', 'invalid_number'],
    'the far end fails': async () => [await call('+15550100500', waits), 'failed', 'carrier_error'],
    'nobody answers': async () => [await call(RINGS_FOR_EVER, waits, { timeout: 5 }), 'no-answer', 'no_answer'],
    'CANCEL by REST': async () => {
      const sid = await call(RINGS_FOR_EVER, waits);
      await reaches(sid, 'ringing');
      await order(sid, 'canceled');
      return [sid, 'canceled', 'api_canceled'];
    },
    'BYE by REST, with every kind of stream': async () => {
      const raw = `<Stream name="raw" rawAudio="true" url="${app.wsUrl('/raw')}"/>`;
      const sid = await call(SILENT, `<Start><Stream url="${app.wsUrl('/a')}"/>${raw}</Start>${connect('/b')}`);
      await system.event(sid, (event) => event.type === 'verb.started' && event['verb'] === 'Connect');
      await order(sid, 'completed');
      return [sid, 'completed', 'api_completed'];
    },
    'a stream started and stopped by REST': async () => {
      const sid = await call(SILENT, waits);
      await reaches(sid, 'in-progress');
      await system.api('PUT', `/calls/${sid}/streams/ear`, { url: app.wsUrl('/ear') });
      await system.event(sid, 'stream.started');
      await system.api('DELETE', `/calls/${sid}/streams/ear`);
      await system.event(sid, 'stream.stopped');
      await order(sid, 'completed');
      return [sid, 'completed', 'api_completed'];
    },
    'the app closes its socket': async () => [await call(SILENT, connect('/close')), 'completed', 'stream_ended'],
    'the app cuts its socket': async () => [await call(SILENT, connect('/cut')), 'completed', 'stream_failed'],
    'the app is not there': async () => [
      await call(SILENT, '<Connect><Stream url="ws://127.0.0.1:1/"/></Connect>'),
      'completed',
      'stream_failed',
    ],
    'there is no document': async () => [
      await system.call({ to: SILENT, url: app.url('/nothing'), statusCallback: app.url('/status') }),
      'completed',
      'document_failed',
    ],
  };

  const callers: readonly (() => Promise<void>)[] = [
    () => inbound('+15550200001', { twiml: `<Response>${waits}</Response>` }, 'bye'),
    () => inbound('+15550200002', { twiml: `<Response>${waits}</Response>`, dialect: 'twilio' }, 'cancel'),
    () => inbound('+15550200003', { twiml: '<Response><Reject/></Response>' }, 'wait'),
    async () => void (await (await phone.call(`sip:+15550299999@${system.stack.sipAddress}`)).ended),
  ];

  it('is where it began after every ending', async () => {
    const wrong = new Set<string>();
    const check = async (name: string, end: () => Promise<End>): Promise<void> => {
      const [sid, status, cause] = await end();
      const { status: shown, ending } = await system.ended(sid);
      if (shown !== status || ending.cause !== cause) wrong.add(`${name}: ${shown}, ${ending.cause}`);
    };
    for (let time = 0; time < TIMES; time++) {
      const ended = Object.entries(outbound).map(([name, end]) => check(name, end));
      await Promise.all([...ended, ...callers.map((call) => call())]);
    }
    assert.deepEqual([...wrong], []);
    assert.deepEqual(await system.leaks(), []);
    await proveTimersOver();
    const seen = await scrape(system);
    const left = {
      calls: seen.sum('pivot_calls_running'),
      legs: seen.sum('pivot_legs'),
      ports: seen.sum('pivot_rtp_ports', { state: 'used' }),
      gatewayCalls: seen.sum('pivot_gateway_calls'),
      gatewayLegs: seen.sum('pivot_gateway_legs'),
      waiting: seen.sum('pivot_gateway_waiting_to_write'),
    };
    assert.deepEqual(left, { calls: 0, legs: 0, ports: 0, gatewayCalls: 0, gatewayLegs: 0, waiting: 0 });
  });

  async function proveTimersOver(): Promise<void> {
    let now = await timers();
    const areOver = async (): Promise<boolean> => {
      now = await timers();
      return Object.entries(now).every(([who, count]) => count <= (timersBefore[who] ?? 0) + KEPT_TIMERS);
    };
    await until('all timers over', areOver, SETTLED_WITHIN_MS).catch((error: unknown) => {
      assert.fail(`${error}: ${JSON.stringify(timersBefore)} before, ${JSON.stringify(now)} now`);
    });
  }
});
