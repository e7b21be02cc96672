/** The whole system on a Redis Cluster, and behind Sentinels whose primary is killed while a call is up. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { systemClock } from '../../shared/kernel/clock.ts';
import { pause } from '../../shared/kernel/deadline.ts';
import { App, type StreamSeen } from '../support/app.ts';
import { startTestCluster } from '../support/redis-cluster.ts';
import { startTestSentinels, type TestSentinels } from '../support/redis-sentinels.ts';
import { suiteOwner } from '../support/suite.ts';
import { type System, startSystem } from '../support/system.ts';

const document = (app: App): string =>
  `<Response><Start><Stream name="ear" url="${app.wsUrl('/ear')}"/></Start><Pause length="120"/></Response>`;

const heard = (stream: StreamSeen, more: number): Promise<unknown> => {
  const before = stream.of('media').length;
  return stream.until('more audio', (seen) => seen.of('media').length > before + more);
};

async function end(system: System, sid: string): Promise<void> {
  await system.api('POST', `/calls/${sid}`, { status: 'completed' });
  const call = await system.ended(sid);
  assert.deepEqual([call.status, call.ending.cause], ['completed', 'api_completed']);
}

describe('on a Redis Cluster of three nodes', () => {
  const owner = suiteOwner();
  let app: App;
  let system: System;
  before(async () => {
    const cluster = await startTestCluster();
    owner.after(() => cluster.stop());
    app = await App.start(owner);
    system = await startSystem(owner, { environment: { REDIS_URL: cluster.url } });
  });

  it('a call is made once, streamed, asked for a second stream and ended, and its callback delivered', async () => {
    app.page('/status', '');
    const body = { to: '+15550100001', from: '+15550009999', twiml: document(app), statusCallback: app.url('/status') };
    const [first, again] = [
      await system.api('POST', '/calls', body, { 'Idempotency-Key': 'one' }),
      await system.api('POST', '/calls', body, { 'Idempotency-Key': 'one' }),
    ];
    assert.deepEqual([first.status, again.body.sid], [201, first.body.sid]);
    const sid: string = first.body.sid;
    await heard(await app.stream('/ear'), 25);
    const order = { url: app.wsUrl('/second') };
    assert.equal((await system.api('PUT', `/calls/${sid}/streams/second`, order)).status, 201);
    await heard(await app.stream('/second'), 10);
    await end(system, sid);
    await system.event(sid, (event) => event.type === 'callback.delivered' && event['event'] === 'call.completed');
    assert.deepEqual(
      (await system.api('GET', '/calls?status=completed')).body.items.map((call: { sid: string }) => call.sid),
      [sid],
    );
  });
});

describe('behind Sentinels', () => {
  const owner = suiteOwner();
  let app: App;
  let redis: TestSentinels;
  let system: System;
  before(async () => {
    redis = await startTestSentinels();
    owner.after(() => redis.stop());
    app = await App.start(owner);
    system = await startSystem(owner, { environment: { REDIS_URL: redis.url }, redisPorts: redis.ports });
  });

  it('a call goes on while its primary is killed, and is asked for things at the next one', async () => {
    const sid = await system.call({ to: '+15550100001', twiml: document(app) });
    const stream = await app.stream('/ear');
    await heard(stream, 25);
    await redis.failOver();
    await untilReady(system);
    // The lock of its job may have run out meanwhile: then the call has gone on with a new stream.
    const newest = app.streams.at(-1) ?? stream;
    await heard(newest, 50);
    assert.equal((await system.api('GET', `/calls/${sid}`)).body.status, 'in-progress');
    await end(system, sid);
    const next = await system.call({ to: '+15550100001', twiml: document(app) });
    await heard(await app.next('/ear', newest), 25);
    await end(system, next);
  });

  /** The services find the new primary by themselves, each in its time. */
  async function untilReady(asked: System): Promise<void> {
    const until = systemClock.monotonic() + 10_000;
    while ((await asked.api('GET', '/readyz')).status !== 200) {
      assert.ok(systemClock.monotonic() < until, `not ready again:\n${asked.lines.join('\n')}`);
      await pause(systemClock, 50);
    }
  }
});
