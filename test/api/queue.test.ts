/** Two API servers over one Redis and its real queue: a call is one job. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '../../shared/kernel/clock.ts';
import { silentLogger } from '../../shared/kernel/log.ts';
import type { CallQueue } from '../../shared/queue/ports.ts';
import { openQueue } from '../../shared/queue/queue.ts';
import { type ApiFixture, settings, startApiFixture } from '../support/api-fixture.ts';

const body = { to: '+15550100', from: '+15550101', twiml: '<Response/>' };

let fixture: ApiFixture;
let queues: readonly [CallQueue, CallQueue];
before(async () => {
  fixture = await startApiFixture();
  const open = () => openQueue(fixture.redis.url, systemClock, silentLogger);
  queues = [await open(), await open()];
});
after(async () => {
  await Promise.all(queues.map((queue) => queue.close()));
  await fixture.stop();
});

describe('two API servers', () => {
  it('make one job of one key, take it back when it is canceled, and share the bound of the queue', async () => {
    const bounded = { ...settings, QUEUE_LIMIT: 2 };
    const [one, two] = queues.map((queue) => fixture.another({ queue, settings: bounded }).api);
    assert.ok(one && two);
    const post = (api: typeof one, key: string) => api.post('/calls').set('Idempotency-Key', key).send(body);
    const answers = await Promise.all([post(one, 'a'), post(two, 'a'), post(one, 'a'), post(two, 'a')]);
    assert.deepEqual(
      answers.map((answer) => answer.status),
      [201, 201, 201, 201],
    );
    assert.equal(new Set(answers.map((answer) => answer.body.sid)).size, 1);
    assert.equal(await queues[0].waiting(), 1);

    const second = await post(two, 'b').expect(201);
    assert.equal((await post(one, 'c').expect(503)).body.code, 'at_capacity');
    await one.post(`/calls/${second.body.sid}`).send({ status: 'canceled' }).expect(200);
    assert.equal(await queues[1].waiting(), 1);
    await post(one, 'c').expect(201);
  });
});
