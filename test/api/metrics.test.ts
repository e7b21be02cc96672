/** What the API tells Prometheus: itself, the system as Redis knows it, and where the others are. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { GatewayId, OwnerId } from '../../shared/kernel/ids.ts';
import { type ApiFixture, startApiFixture } from '../support/api-fixture.ts';
import { Exposition } from '../support/exposition.ts';

let fixture: ApiFixture;
before(async () => {
  fixture = await startApiFixture();
  const { presence } = fixture.store;
  const state = { calls: 3, capacity: 10, draining: false, probe: '10.0.0.1:9464' };
  await presence.announceOwner('host-1-0-aaaaaa' as OwnerId, state);
  await presence.announceOwner('host-1-1-bbbbbb' as OwnerId, { ...state, calls: 1 });
  await presence.announceOwner('host-2-0-cccccc' as OwnerId, { ...state, draining: true, probe: '10.0.0.2:9464' });
  await presence.announceOwner('host-3-0-dddddd' as OwnerId, { calls: 0, capacity: 5, draining: false });
  await presence.announceGateway('gw-a' as GatewayId, { address: '192.0.2.1:5060', probe: null });
  await presence.announceGateway('gw-b' as GatewayId, { address: '192.0.2.2:5060', probe: '10.0.0.9:9464' });
});
after(() => fixture.stop());

async function shown(): Promise<Exposition> {
  const answer = await fixture.api
    .get('/metrics')
    .expect(200)
    .expect('Content-Type', /^text\/plain/);
  const exposition = new Exposition();
  exposition.read(answer.text);
  return exposition;
}

describe('/metrics', () => {
  it('needs the credentials', async () => {
    const { default: supertest } = await import('supertest');
    await supertest(fixture.app).get('/metrics').expect(401);
    await supertest(fixture.app).get('/metrics/targets').expect(401);
  });

  it('tells what waits and how much room there is, less what drains and what waits', async () => {
    fixture.queue.waitingNow = 4;
    const seen = await shown();
    fixture.queue.waitingNow = 0;
    assert.equal(seen.sum('pivot_redis_up'), 1);
    assert.equal(seen.sum('pivot_queue_depth', { queue: 'calls' }), 4);
    assert.equal(seen.sum('pivot_system_calls'), 7);
    assert.equal(seen.sum('pivot_system_capacity'), 25);
    assert.equal(seen.sum('pivot_system_capacity_free'), 17);
    assert.equal(seen.sum('pivot_system_processes', { kind: 'worker-thread' }), 3);
    assert.equal(seen.sum('pivot_system_processes', { kind: 'draining-thread' }), 1);
    assert.equal(seen.sum('pivot_system_processes', { kind: 'gateway' }), 2);
  });

  it('names each process once as a target, and none that shows nothing', async () => {
    const { body } = await fixture.api.get('/metrics/targets').expect(200);
    assert.deepEqual(body, [
      { targets: ['10.0.0.1:9464', '10.0.0.2:9464'], labels: { service: 'worker' } },
      { targets: ['10.0.0.9:9464'], labels: { service: 'gateway' } },
    ]);
  });

  it('counts a call that is ended in the queue', async () => {
    const { sid } = await fixture.call('queued');
    await fixture.api.post(`/calls/${sid}`).send({ status: 'canceled' }).expect(200);
    assert.equal((await shown()).sum('pivot_calls_total', { direction: 'outbound-api', status: 'canceled' }), 1);
  });

  it('tells of a Redis that is away instead of old figures', async () => {
    await fixture.redis.stop();
    const seen = await shown();
    assert.deepEqual(
      [seen.sum('pivot_redis_up'), seen.samples.some(({ name }) => name === 'pivot_system_calls')],
      [0, false],
    );
  });
});
