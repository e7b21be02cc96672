/**
 * What is seen of a system at work: a call with everything on it runs once, and its metrics are read where Prometheus
 * would read them.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { systemClock } from '../../shared/kernel/clock.ts';
import { pause } from '../../shared/kernel/deadline.ts';
import { App } from '../support/app.ts';
import { type Exposition, scrape } from '../support/exposition.ts';
import { metricsOfQuery } from '../support/promql.ts';
import { alertQueries, dashboardQueries } from '../support/queries.ts';
import { suiteOwner } from '../support/suite.ts';
import { type System, startSystem } from '../support/system.ts';

/** Answers, plays a chime and presses 1 2 3 #. */
const PRESSES = '+15550100001';

describe('a system at work', () => {
  const owner = suiteOwner();
  let system: System;
  let app: App;
  let sid: string;

  before(async () => {
    system = await startSystem(owner, { environment: { PROBE_PORT: '0' } });
    app = await App.start(owner);
    app.page(
      '/document',
      `<Response><Start><Stream name="ear" url="${app.wsUrl('/ear')}"/></Start>` +
        `<Connect><Stream name="mouth" dialect="twilio" url="${app.wsUrl('/mouth')}"/></Connect></Response>`,
    );
    app.page('/status', '');
    sid = await system.call({ to: PRESSES, url: app.url('/document'), statusCallback: app.url('/status') });
    const mouth = await app.stream('/mouth');
    await mouth.until('digits', (seen) => seen.of('dtmf').length >= 4);
    const { streamSid } = mouth.of('start')[0];
    mouth.send({ event: 'media', streamSid, media: { payload: Buffer.alloc(4000, 0x55).toString('base64') } });
    mouth.send({ event: 'mark', streamSid, mark: { name: 'heard' } });
    await mouth.until('the mark', (seen) => seen.of('mark').length > 0);
    await system.api('POST', `/calls/${sid}/digits`, { digits: '9' });
  });

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
    const seen = await figures((now) => now.sum('pivot_streams', { state: 'in-progress' }) === 2);
    assert.equal(seen.sum('pivot_streams', { mode: 'bidirectional', dialect: 'twilio' }), 1);
    assert.equal(seen.sum('pivot_calls_running'), 1);
    assert.equal(seen.sum('pivot_legs'), 1);
    assert.equal(seen.sum('pivot_rtp_ports', { state: 'used' }), 1);
    assert.equal(seen.sum('pivot_gateway_calls'), 1);
    assert.equal(seen.sum('pivot_worker_threads', { state: 'answering' }), 1);
    assert.equal(seen.sum('pivot_redis_up'), 1);
    assert.equal(seen.sum('pivot_system_processes', { kind: 'worker-thread' }), 1);
    assert.equal(seen.sum('pivot_system_processes', { kind: 'gateway' }), 1);
    assert.equal(seen.sum('pivot_queue_depth'), 0);
    assert.ok(seen.sum('pivot_system_capacity_free') > 100);
    assert.ok(seen.sum('pivot_calls_free') > 100);
  });

  it('has counted it when it is over', async () => {
    await system.api('POST', `/calls/${sid}`, { status: 'completed' });
    await system.ended(sid);
    await system.event(sid, 'callback.delivered');
    const seen = await figures(
      (now) => now.sum('pivot_streams_total') === 2 && now.sum('pivot_legs') === 0 && now.sum('pivot_streams') === 0,
    );
    assert.equal(seen.sum('pivot_calls_total', { direction: 'outbound-api', status: 'completed' }), 1);
    assert.equal(seen.sum('pivot_call_endings_total', { cause: 'api_completed', blame: 'api' }), 1);
    assert.equal(seen.sum('pivot_callbacks_total', { result: 'delivered' }), 1);
    for (const name of ['call_queue', 'call_post_to_invite', 'call_invite_to_answer'])
      assert.equal(seen.sum(`pivot_${name}_seconds_count`), 1, name);
    for (const name of ['stream_open', 'stream_first_audio'])
      assert.equal(seen.sum(`pivot_${name}_seconds_count`), 2, name);
    assert.ok(seen.sum('pivot_stream_first_audio_seconds_sum') < 2, 'first audio within a second each');
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

  it('has every figure of ours in docs/monitoring.md, and no other', async () => {
    const { kinds } = await scrape(system);
    const rows = [...kinds]
      .filter(([name]) => name.startsWith('pivot_'))
      .map(([name, { kind, help }]) => `| \`${name}\` | ${kind} | ${help} |`)
      .sort();
    const table = readFileSync('docs/monitoring.md', 'utf8').split(/<!-- \/?metrics -->\n/)[1] ?? '';
    assert.equal(table, `| metric | kind | |\n|---|---|---|\n${rows.join('\n')}\n`);
  });

  it('names no call, no stream, no number and no address in a label', async () => {
    const { samples } = await scrape(system);
    for (const { name, labels } of samples)
      for (const text of Object.values(labels))
        assert.doesNotMatch(text, /^(CA|MZ|AC)[0-9a-f]{8}|\+1555|127\.0\.0\.1|ws:|http:/, `${name} ${text}`);
  });
});
