/**
 * What is seen of a system at work: a call with everything on it runs once; its metrics are read where Prometheus would
 * read them, its trace at a collector and at the application, and nothing of it that is secret is in a log line. The doctor
 * knows it.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../shared/kernel/clock.ts';
import { pause } from '../../shared/kernel/deadline.ts';
import { App } from '../support/app.ts';
import { Collector } from '../support/collector.ts';
import { type Exposition, scrape } from '../support/exposition.ts';
import { metricsOfQuery } from '../support/promql.ts';
import { alertQueries, dashboardQueries } from '../support/queries.ts';
import { suiteOwner } from '../support/suite.ts';
import { type System, startSystem } from '../support/system.ts';

const dist = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** Answers, plays a chime and presses 1 2 3 #. */
const PRESSES = '+15550100001';

/** The client's own trace, which goes on here. */
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const TRACEPARENT = `00-${TRACE}-b7ad6b7169203331-01`;
/** µ-law of the app: its base64 must not be in a log either. */
const SOUND = Buffer.from('the sound of the application '.repeat(140));
const SECRETS = {
  'user of the document': 'docuser1',
  'password of the document': 'docsecret1',
  'query of the document': 'docsecret2',
  'password of a stream': 'earsecret3',
  'parameter of a stream': 'parsecret4',
  'header of a stream': 'hedsecret5',
  'password of the callback': 'cbksecret6',
  'query of the callback': 'cbksecret7',
  'password of a dead stream': 'ddssecret8',
  'password of a document that is not there': 'ntdsecret9',
  'credentials that are wrong': 'wrgsecret0',
  // Of no number, so that none of the many in a trace holds it by chance.
  'pressed digits': '97*53#1',
  'words that are said': 'spoken words',
};

const withCredentials = (url: string, user: string, password: string): string =>
  url.replace('://', `://${user}:${password}@`);

describe('a system at work', () => {
  const owner = suiteOwner();
  let system: System;
  let app: App;
  let collector: Collector;
  let sid: string;
  const others: string[] = [];

  before(async () => {
    collector = await Collector.start(owner);
    system = await startSystem(owner, {
      environment: {
        PROBE_PORT: '0',
        LOG_LEVEL: 'debug',
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_BSP_SCHEDULE_DELAY: '200',
      },
    });
    app = await App.start(owner);
    const ear = withCredentials(app.wsUrl('/ear'), 'u', SECRETS['password of a stream']);
    const parameter = `<Parameter name="p" value="${SECRETS['parameter of a stream']}"/>`;
    app.page(
      '/document',
      `<Response><Start><Stream name="ear" url="${ear}">${parameter}</Stream></Start>` +
        `<Connect><Stream name="mouth" dialect="twilio" url="${app.wsUrl('/mouth')}"/></Connect></Response>`,
    );
    app.page('/status', '');
    const document = `${app.url('/document')}?key=${SECRETS['query of the document']}`;
    const status = `${app.url('/status')}?key=${SECRETS['query of the callback']}`;
    const answer = await system.api(
      'POST',
      '/calls',
      {
        to: PRESSES,
        from: '+15550009999',
        url: withCredentials(document, SECRETS['user of the document'], SECRETS['password of the document']),
        statusCallback: withCredentials(status, 'u', SECRETS['password of the callback']),
      },
      { traceparent: TRACEPARENT },
    );
    sid = answer.body.sid;
    await goWrong();
    const mouth = await app.stream('/mouth');
    await mouth.until('digits', (seen) => seen.of('dtmf').length >= 4);
    const { streamSid } = mouth.of('start')[0];
    mouth.send({ event: 'media', streamSid, media: { payload: SOUND.toString('base64') } });
    mouth.send({ event: 'mark', streamSid, mark: { name: 'heard' } });
    await mouth.until('the mark', (seen) => seen.of('mark').length > 0);
    await system.api('POST', `/calls/${sid}/digits`, { digits: SECRETS['pressed digits'] });
  });

  /** Calls and requests that fail where something secret is at hand. */
  async function goWrong(): Promise<void> {
    const dead = withCredentials('ws://127.0.0.1:1/dead', 'u', SECRETS['password of a dead stream']);
    const nowhere = withCredentials(app.url('/nowhere'), 'u', SECRETS['password of a document that is not there']);
    const header = `<Header name="X-H" value="${SECRETS['header of a stream']}"/>`;
    const say = `<Say>${SECRETS['words that are said']}</Say>`;
    const twiml = `<Response><Start><Stream url="${dead}">${header}</Stream></Start>${say}</Response>`;
    others.push(await system.call({ to: '+15550100010', twiml }));
    others.push(await system.call({ to: '+15550100010', url: nowhere }));
    const wrong = Buffer.from(`AC:${SECRETS['credentials that are wrong']}`).toString('base64');
    assert.equal((await system.api('GET', '/calls', undefined, { Authorization: `Basic ${wrong}` })).status, 401);
    assert.equal((await system.api('POST', '/calls', { from: SECRETS['credentials that are wrong'] })).status, 422);
    for (const other of others) await system.ended(other);
  }

  /** Looks again until the figures are so: they are taken once a second. */
  async function figures(areSo: (seen: Exposition) => boolean): Promise<Exposition> {
    for (let left = 40; ; left -= 1) {
      const seen = await scrape(system);
      if (areSo(seen)) return seen;
      if (left === 0) assert.fail(JSON.stringify(seen.samples.filter(({ name }) => name.startsWith('pivot_'))));
      await pause(systemClock, 250);
    }
  }

  it('shows the call and its streams while it is up', async () => {
    const seen = await figures(
      (now) =>
        now.sum('pivot_streams', { state: 'in-progress' }) === 2 &&
        now.sum('pivot_gateway_calls') === 1 &&
        now.sum('pivot_calls_running') === 1,
    );
    assert.equal(seen.sum('pivot_streams', { mode: 'bidirectional', dialect: 'twilio' }), 1);
    assert.equal(seen.sum('pivot_legs'), 1);
    assert.equal(seen.sum('pivot_rtp_ports', { state: 'used' }), 1);
    assert.equal(seen.sum('pivot_gateway_calls'), 1);
    assert.equal(seen.sum('pivot_worker_threads', { state: 'answering' }), 1);
    assert.equal(seen.sum('pivot_redis_up'), 1);
    assert.equal(seen.sum('pivot_system_processes', { kind: 'worker-thread' }), 1);
    assert.equal(seen.sum('pivot_system_processes', { kind: 'gateway' }), 1);
    assert.equal(seen.sum('pivot_queue_depth'), 0);
    assert.ok(seen.sum('pivot_system_capacity_free') > 0);
    assert.ok(seen.sum('pivot_calls_free') > 0);
  });

  it('has counted it when it is over', async () => {
    await system.api('POST', `/calls/${sid}`, { status: 'completed' });
    await system.ended(sid);
    await system.event(sid, 'callback.delivered');
    const seen = await figures(
      (now) => now.sum('pivot_streams_total') === 3 && now.sum('pivot_legs') === 0 && now.sum('pivot_streams') === 0,
    );
    assert.equal(seen.sum('pivot_calls_total', { direction: 'outbound-api' }), 3);
    assert.equal(seen.sum('pivot_call_endings_total', { cause: 'api_completed', blame: 'api' }), 1);
    assert.equal(seen.sum('pivot_callbacks_total', { result: 'delivered' }), 1);
    for (const name of ['call_queue', 'call_post_to_invite', 'call_invite_to_answer'])
      assert.equal(seen.sum(`pivot_${name}_seconds_count`), 3, name);
    assert.equal(seen.sum('pivot_stream_errors_total'), 1, 'the dead one');
    for (const name of ['stream_open', 'stream_first_audio'])
      assert.equal(seen.sum(`pivot_${name}_seconds_count`), 2, name);
    assert.ok(seen.sum('pivot_stream_first_audio_seconds_sum') < 4, 'first audio within two seconds each');
    for (const name of ['rtp_packets_received', 'rtp_packets_sent', 'stream_frames_sent', 'stream_bytes_sent', 'beats'])
      assert.ok(seen.sum(`pivot_${name}_total`) > 20, name);
    assert.ok(seen.sum('pivot_stream_played_seconds_total') > 0.1);
    for (const name of ['playout_depth', 'rtp_jitter_buffer', 'event_loop_delay', 'beat_lateness', 'redis_ping'])
      assert.ok(seen.sum(`pivot_${name}_seconds_count`) > 0, name);
    assert.equal(seen.sum('pivot_recoveries_total') + seen.sum('pivot_calls_lost_total'), 0);
  });

  it('exposes every metric of the dashboard and of the alert rules', async () => {
    const { names } = await scrape(system);
    for (const { place, expr } of [...dashboardQueries(), ...alertQueries()])
      for (const metric of metricsOfQuery(expr)) assert.ok(names.has(metric), `${metric} of ${place}`);
  });

  it('names no call, no stream, no number and no address in a label', async () => {
    const { samples } = await scrape(system);
    for (const { name, labels } of samples)
      for (const text of Object.values(labels))
        assert.doesNotMatch(text, /^(CA|MZ|AC)[0-9a-f]{8}|\+1555|127\.0\.0\.1|ws:|http:/, `${name} ${text}`);
  });

  it('is one connected trace: the client, the request, the job, the document, the streams, the callback', async () => {
    const wanted = [
      ['POST /calls'],
      ['POST /calls', 'enqueue call'],
      ['POST /calls', 'enqueue call', 'call'],
      ['POST /calls', 'enqueue call', 'call', 'fetch GET'],
      ['POST /calls', 'enqueue call', 'call', 'fetch POST'],
      ['POST /calls', 'enqueue call', 'call', 'stream'],
      ['POST /calls', 'enqueue call', 'call', 'stream', 'stream upgrade'],
      ['POST /calls', 'enqueue call', 'call', 'stream'],
      ['POST /calls', 'enqueue call', 'call', 'stream', 'stream upgrade'],
    ].map((path) => path.join(' > '));
    const seen = (): string[] => collector.trace(TRACE).map((span) => collector.path(span).join(' > '));
    for (let left = 40; left > 0 && seen().length < wanted.length; left -= 1) await pause(systemClock, 100);
    assert.deepEqual(seen().sort(), wanted.sort());
    const spans = collector.trace(TRACE);
    assert.equal(spans.find(({ name }) => name === 'POST /calls')?.parentSpanId, TRACEPARENT.split('-')[2]);
    const call = spans.find(({ name }) => name === 'call');
    assert.deepEqual(
      [call?.service, call?.attributes['pivot.call_sid'], call?.attributes['pivot.cause'], call?.failed],
      ['pivot-streams-worker', sid, 'api_completed', false],
    );
  });

  it('gives the application the trace context of each request of its', () => {
    const spanOf = (traceparent: unknown) => {
      const [, traceId, spanId] = String(traceparent).split('-');
      return collector.spans.find((span) => span.traceId === traceId && span.spanId === spanId)?.name;
    };
    const asked = (path: string) => app.requests.find((request) => request.path === path)?.headers['traceparent'];
    assert.equal(spanOf(asked('/document')), 'fetch GET');
    assert.equal(spanOf(asked('/status')), 'fetch POST');
    for (const { path, upgrade } of app.streams)
      assert.equal(spanOf(upgrade.headers['traceparent']), 'stream upgrade', path);
    assert.match(String(asked('/document')), new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
  });

  it('says nothing secret: not in a log line, not in a timeline, not in a trace', async () => {
    const secrets = {
      ...SECRETS,
      token: system.stack.account.AUTH_TOKEN,
      sound: SOUND.toString('base64').slice(0, 40),
    };
    const timelines = await Promise.all([sid, ...others].map((one) => system.events(one)));
    const said = {
      logs: system.lines,
      timelines: timelines.flat().map((event) => JSON.stringify(event)),
      traces: collector.texts,
    };
    assert.ok(system.lines.length > 20, 'there are log lines to look at');
    for (const [what, secret] of Object.entries(secrets))
      for (const [where, lines] of Object.entries(said))
        for (const line of lines)
          assert.ok(!line.includes(secret), `${what} is in the ${where}: ${line.slice(0, 500)}`);
    // The keys of the phone come one by one.
    for (const line of system.lines) assert.doesNotMatch(line, /"digits?":"[^•"]+"/);
  });

  it('is known to the doctor, who finds its ports, its Redis and its trunk well', async () => {
    const { account, apiUrl, sipAddress, phonesAddress, redisUrl } = system.stack;
    const portOf = (address: string): string => address.split(':').at(-1) ?? '';
    const child = spawn(process.execPath, [path.join(dist, 'worker/doctor/main.js'), '--json'], {
      env: {
        PATH: process.env['PATH'],
        ...account,
        REDIS_URL: redisUrl,
        PORT: portOf(apiUrl),
        SIP_PORT: portOf(sipAddress),
        TRUNKS: JSON.stringify([{ name: 'phones', host: phonesAddress }]),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    for await (const chunk of child.stdout) text += chunk;
    const { findings }: { findings: readonly { check: string; level: string; found: string }[] } = JSON.parse(text);
    const saidOf = (check: string): string => {
      const { level = '', found = '' } = findings.find((one) => one.check === check) ?? {};
      return `${level}: ${found}`;
    };
    assert.match(saidOf('api port'), /^ok: .* in use by a running Pivot Streams$/);
    assert.match(saidOf('sip port'), /^ok: .* in use by a running Pivot Streams$/);
    assert.match(saidOf('trunk phones'), /^ok: .* answers 200 OK in /);
    for (const check of ['redis', 'redis memory', 'redis files', 'clock', 'parser', 'settings'])
      assert.match(saidOf(check), /^ok: /, check);
  });
});
