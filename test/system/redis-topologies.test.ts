/** The whole system on Redis as it may be: a Cluster, over TLS, and with primaries that are killed while a call is up. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { systemClock } from '../../shared/kernel/clock.ts';
import { pause } from '../../shared/kernel/deadline.ts';
import { App, type StreamSeen } from '../support/app.ts';
import type { RedisLook } from '../support/leaks.ts';
import { startTestCluster, type TestCluster } from '../support/redis-cluster.ts';
import { startTestSentinels, type TestSentinels } from '../support/redis-sentinels.ts';
import { startTestTlsRedis, trustEnvironment } from '../support/redis-tls.ts';
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

/** The services find the new primary by themselves, each in its time. */
async function untilReady(system: System): Promise<void> {
  const until = systemClock.monotonic() + 10_000;
  while ((await system.api('GET', '/readyz')).status !== 200) {
    assert.ok(systemClock.monotonic() < until, `not ready again:\n${system.lines.join('\n')}`);
    await pause(systemClock, 50);
  }
}

interface Topology {
  readonly url: string;
  readonly look?: RedisLook;
  stop(): Promise<void>;
}

const topologies: readonly (readonly [string, () => Promise<Topology>])[] = [
  ['on a Redis Cluster of three nodes', () => startTestCluster()],
  ['on a Redis that speaks TLS alone', () => startTestTlsRedis()],
  [
    'on a Redis Cluster over TLS',
    async () => {
      const cluster = await startTestCluster({ tls: true });
      // Workers may be connected to the ports of `REDIS_URL` alone: one that took a plain port would be told as a leak.
      return { ...cluster, look: { url: cluster.plainUrl } };
    },
  ],
];

for (const [name, start] of topologies) {
  describe(name, () => {
    const owner = suiteOwner();
    let app: App;
    let system: System;
    before(async () => {
      const redis = await start();
      owner.after(() => redis.stop());
      app = await App.start(owner);
      const environment = { REDIS_URL: redis.url, ...(redis.url.startsWith('rediss') ? trustEnvironment : {}) };
      system = await startSystem(owner, { environment, ...(redis.look ? { redis: redis.look } : {}) });
    });

    it('a call is made once, streamed, asked for a second stream and ended, and its callback delivered', async () => {
      app.page('/status', '');
      const body = {
        to: '+15550100001',
        from: '+15550009999',
        twiml: document(app),
        statusCallback: app.url('/status'),
      };
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
}

describe('on a Redis Cluster with replicas', () => {
  /** Where the queues lie, and the leases. */
  const QUEUES = '{pivot}';
  const owner = suiteOwner();
  let app: App;
  let cluster: TestCluster;
  let system: System;
  before(async () => {
    cluster = await startTestCluster({ replicas: true });
    owner.after(() => cluster.stop());
    app = await App.start(owner);
    app.page('/status', '');
    system = await startSystem(owner, { environment: { REDIS_URL: cluster.url }, redis: { ports: cluster.ports } });
  });

  it('a call goes on while the slot of its keys is moved to another node', async () => {
    const sid = await call();
    await outlives(sid, () => cluster.moveSlot(sid));
  });

  it('a call goes on while the node of the queues is killed and its replica takes over', async () => {
    await outlives(await call(), () => cluster.failOver(QUEUES));
  });

  it('a call goes on while the node of its keys is killed and its replica takes over', async () => {
    const sid = await callBesideTheQueues();
    await outlives(sid, () => cluster.failOver(sid));
  });

  const call = (): Promise<string> =>
    system.call({
      to: '+15550100001',
      twiml: document(app),
      statusCallback: app.url('/status'),
      statusCallbackEvent: ['initiated', 'ringing', 'answered', 'completed'],
    });

  /** Where a call's keys lie is drawn with its sid: two of three lie elsewhere than the queues. */
  async function callBesideTheQueues(): Promise<string> {
    const taken = await cluster.primaryOf(QUEUES);
    for (;;) {
      const sid = await call();
      await streamOf(sid);
      if ((await cluster.primaryOf(sid)) !== taken) return sid;
      await end(system, sid);
    }
  }

  /** The stream goes on without a gap during the loss; afterwards the call is asked for things, and so is a new one. */
  async function outlives(sid: string, lose: () => Promise<void>): Promise<void> {
    const stream = await streamOf(sid);
    await heard(stream, 25);
    await system.event(sid, (event) => event.type === 'callback.delivered' && event['event'] === 'call.answered');
    const [began, before] = [systemClock.monotonic(), stream.of('media').length];
    await lose();
    const frames = (systemClock.monotonic() - began) / 20;
    await untilReady(system);
    const during = stream.of('media').length - before;
    assert.ok(during >= Math.floor(frames * 0.9), `${during} frames came where ${frames.toFixed()} were due`);
    const order = { url: app.wsUrl(`/second-${sid}`) };
    assert.equal((await system.api('PUT', `/calls/${sid}/streams/second`, order)).status, 201);
    await heard(await app.stream(`/second-${sid}`), 10);
    await end(system, sid);
    assertWithoutGap(stream);
    assert.equal(
      app.streams.filter((seen) => isOf(seen, sid) && seen.path === '/ear').length,
      1,
      'one stream, one socket',
    );
    const next = await call();
    await heard(await streamOf(next), 10);
    await end(system, next);
    for (const ended of [sid, next]) await assertToldOnce(ended);
  }

  const isOf = (seen: StreamSeen, sid: string): boolean => seen.of('start')[0]?.start.callSid === sid;

  async function streamOf(sid: string): Promise<StreamSeen> {
    for (let seen = await app.stream('/ear'); ; seen = await app.next('/ear', seen)) {
      await seen.until('its start', () => seen.of('start').length > 0);
      if (isOf(seen, sid)) return seen;
    }
  }

  function assertWithoutGap(stream: StreamSeen): void {
    const times = stream.of('media').map(({ media }) => Number(media.timestamp));
    const steps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    assert.ok(Math.max(...steps) <= 40, `a step of ${Math.max(...steps)} ms`);
  }

  /** Each of the four, in order, once. */
  async function assertToldOnce(sid: string): Promise<void> {
    await system.event(sid, (event) => event.type === 'callback.delivered' && event['event'] === 'call.completed');
    const told = app.requests.filter(({ path, form }) => path === '/status' && form.get('CallSid') === sid);
    assert.deepEqual(
      told.map(({ form }) => form.get('CallStatus')),
      ['initiated', 'ringing', 'in-progress', 'completed'],
    );
  }
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
    system = await startSystem(owner, { environment: { REDIS_URL: redis.url }, redis: { ports: redis.ports } });
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
});
