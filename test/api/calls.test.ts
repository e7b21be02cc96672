/** /calls: every answer of the contract, over a real Redis. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { ApiMetrics } from '../../api/metrics.ts';
import { endOverdue } from '../../api/overdue.ts';
import { callPage, callResource } from '../../api/schemas/call.ts';
import { problemResource } from '../../api/schemas/problem.ts';
import { type CallSid, isCallSid } from '../../shared/kernel/ids.ts';
import { silentLogger } from '../../shared/kernel/log.ts';
import { createDestinationGuard } from '../../shared/net/destination.ts';
import { RedisUnavailable } from '../../shared/store/redis.ts';
import { type ApiFixture, OWNER, settings, startApiFixture } from '../support/api-fixture.ts';
import { ManualClock } from '../support/clock.ts';
import { aCall } from '../support/records.ts';

const good = { to: '+15550100', from: '+15550101', url: 'https://app.example/voice' };
const NOBODY = `CA${'0'.repeat(32)}`;

let fixture: ApiFixture;
before(async () => {
  fixture = await startApiFixture();
});
after(() => fixture.stop());
beforeEach(() => {
  fixture.queue.added.length = 0;
  fixture.queue.rung.length = 0;
  fixture.queue.waitingNow = 0;
  fixture.queue.failWith = null;
});

const sidOf = (text: unknown): CallSid => {
  assert.ok(typeof text === 'string' && isCallSid(text));
  return text;
};

describe('POST /calls', () => {
  it('creates a queued call, its job, and says where it is', async () => {
    const answer = await fixture.api.post('/calls').send(good).expect(201);
    const call = callResource.parse(answer.body);
    assert.equal(call.status, 'queued');
    assert.equal(call.direction, 'outbound-api');
    assert.equal(answer.get('location'), `/calls/${call.sid}`);
    assert.deepEqual(fixture.queue.added, [call.sid]);
    const record = await fixture.store.calls.get(sidOf(call.sid));
    assert.deepEqual(record?.plan, {
      document: { kind: 'url', url: good.url, method: 'GET' },
      fallbackUrl: null,
      statusCallback: null,
      statusCallbackMethod: 'POST',
      statusCallbackEvents: ['completed'],
      ringTimeoutMs: 60_000,
      timeLimitMs: 14_400_000,
      sendDigits: null,
      trunk: null,
      headers: {},
    });
  });

  it('turns every field into the plan', async () => {
    const full = {
      to: 'sip:bob@phone.example:5080;transport=tcp',
      from: '+15550101',
      twiml: '<Response><Hangup/></Response>',
      fallbackUrl: 'https://app.example/fallback',
      statusCallback: 'https://app.example/status',
      statusCallbackEvent: ['ringing', 'answered', 'ringing'],
      statusCallbackMethod: 'GET',
      timeout: 5,
      timeLimit: 30,
      sendDigits: '1w2#',
      callerName: 'Jane Doe',
      dialect: 'twilio',
      trunk: 'carrier-1',
      headers: { 'X-Room': 'blue' },
    };
    const answer = await fixture.api.post('/calls').send(full).expect(201);
    const record = await fixture.store.calls.get(sidOf(answer.body.sid));
    assert.equal(record?.dialect, 'twilio');
    assert.equal(record?.callerName, 'Jane Doe');
    assert.deepEqual(record?.plan, {
      document: { kind: 'inline', twiml: full.twiml },
      fallbackUrl: full.fallbackUrl,
      statusCallback: full.statusCallback,
      statusCallbackMethod: 'GET',
      statusCallbackEvents: ['ringing', 'answered'],
      ringTimeoutMs: 5000,
      timeLimitMs: 30_000,
      sendDigits: '1w2#',
      trunk: 'carrier-1',
      headers: { 'X-Room': 'blue' },
    });
  });

  it('asks by POST in the twilio dialect', async () => {
    const answer = await fixture.api
      .post('/calls')
      .send({ ...good, dialect: 'twilio' })
      .expect(201);
    const record = await fixture.store.calls.get(sidOf(answer.body.sid));
    assert.deepEqual(record?.plan.document, { kind: 'url', url: good.url, method: 'POST' });
  });

  const wrong: [string, object, string, string][] = [
    ['no to', { from: good.from, url: good.url }, 'to', 'invalid_type'],
    ['no from', { to: good.to, url: good.url }, 'from', 'invalid_type'],
    ['a number for to', { ...good, to: 15550100 }, 'to', 'invalid_type'],
    ['a name for to', { ...good, to: 'bob' }, 'to', 'custom'],
    ['SIP over TLS, which is not there', { ...good, to: 'sips:bob@phone.example' }, 'to', 'custom'],
    ['two lines in to', { ...good, to: 'sip:bob@h\r\nX-Evil: 1' }, 'to', 'custom'],
    ['neither url nor twiml', { to: good.to, from: good.from }, 'url', 'exactly_one'],
    ['both url and twiml', { ...good, twiml: '<Response/>' }, 'twiml', 'exactly_one'],
    ['an ftp url', { ...good, url: 'ftp://app.example/' }, 'url', 'custom'],
    ['a relative url', { ...good, url: '/voice' }, 'url', 'custom'],
    ['an unknown field', { ...good, colour: 'blue' }, 'colour', 'unknown_field'],
    ['text for timeout', { ...good, timeout: '60' }, 'timeout', 'invalid_type'],
    ['a timeout of 0', { ...good, timeout: 0 }, 'timeout', 'too_small'],
    ['a timeout of 601', { ...good, timeout: 601 }, 'timeout', 'too_big'],
    ['half a second of timeLimit', { ...good, timeLimit: 0.5 }, 'timeLimit', 'invalid_type'],
    ['an unknown event', { ...good, statusCallbackEvent: ['sung'] }, 'statusCallbackEvent.0', 'invalid_value'],
    ['one event, not a list', { ...good, statusCallbackEvent: 'ringing' }, 'statusCallbackEvent', 'invalid_type'],
    ['letters to press', { ...good, sendDigits: 'hello' }, 'sendDigits', 'invalid_format'],
    ['a SIP header of ours', { ...good, headers: { Via: 'x' } }, 'headers.Via', 'invalid_key'],
    ['two lines in a header', { ...good, headers: { 'X-A': 'a\r\nb' } }, 'headers.X-A', 'invalid_format'],
    ['an unknown dialect', { ...good, dialect: 'german' }, 'dialect', 'invalid_value'],
    ['a method without url', { to: good.to, from: good.from, twiml: '<Response/>', method: 'GET' }, 'method', 'custom'],
    ['a list', [good], '', 'invalid_type'],
  ];
  for (const [what, body, path, code] of wrong) {
    it(`refuses ${what}`, async () => {
      const answer = await fixture.api.post('/calls').send(body).expect(422);
      const problem = problemResource.parse(answer.body);
      assert.equal(problem.code, 'invalid');
      assert.ok(
        problem.errors.some((error) => error.path === path && error.code === code),
        JSON.stringify(problem.errors),
      );
      assert.deepEqual(fixture.queue.added, []);
    });
  }

  it('names every mistake at once', async () => {
    const answer = await fixture.api.post('/calls').send({ to: 1, from: 'x', timeout: 'y', a: 1, b: 2 }).expect(422);
    const paths = problemResource.parse(answer.body).errors.map((error) => error.path);
    assert.deepEqual(paths.sort(), ['a', 'b', 'from', 'timeout', 'to', 'url']);
  });

  it('refuses a document that is empty or larger than 64 kB', async () => {
    const { to, from } = good;
    const long = `<Response><Say>${'é'.repeat(33_000)}</Say></Response>`;
    for (const twiml of ['', '  \n', long]) {
      const answer = await fixture.api.post('/calls').send({ to, from, twiml }).expect(422);
      assert.equal(answer.body.code, 'twiml_invalid');
    }
    await fixture.api
      .post('/calls')
      .send({ to, from, twiml: long.replaceAll('é', 'e') })
      .expect(201);
  });

  it('refuses URLs that lead to private addresses, each by name', async () => {
    const { api } = fixture.another({ guard: createDestinationGuard({ allowPrivate: false }) });
    const body = { ...good, url: 'http://127.0.0.1/voice', statusCallback: 'http://[::1]/status' };
    const answer = await api.post('/calls').send(body).expect(403);
    const problem = problemResource.parse(answer.body);
    assert.equal(problem.code, 'destination_forbidden');
    assert.deepEqual(problem.errors.map((error) => error.path).sort(), ['statusCallback', 'url']);
    assert.deepEqual(fixture.queue.added, []);
  });

  it('refuses more calls than may wait', async () => {
    fixture.queue.waitingNow = settings.QUEUE_LIMIT;
    const answer = await fixture.api.post('/calls').send(good).expect(503);
    assert.equal(answer.body.code, 'at_capacity');
    assert.ok(Number(answer.get('retry-after')) > 0);
  });

  it('refuses a call while every worker is as busy as it may be, and not longer', async () => {
    const { presence } = fixture.store;
    fixture.queue.waitingNow = 0;
    const state = { calls: 90, capacity: 400, draining: false };
    await presence.announceOwner(OWNER, { ...state, full: true, room: 0 });
    const answer = await fixture.api.post('/calls').send(good).expect(503);
    assert.deepEqual([answer.body.code, answer.get('retry-after')], ['at_capacity', '5']);
    await presence.announceOwner(OWNER, { ...state, full: false, room: 1 });
    await fixture.api.post('/calls').send(good).expect(201);
    await presence.withdrawOwner(OWNER);
  });

  it('leaves no orphan when the job cannot be queued', async () => {
    fixture.queue.failWith = new RedisUnavailable(new Error('away'));
    const answer = await fixture.api
      .post('/calls')
      .send({ ...good, to: '+15550177' })
      .expect(503);
    assert.equal(answer.body.code, 'redis_unavailable');
    assert.ok(Number(answer.get('retry-after')) > 0);
    const list = callPage.parse((await fixture.api.get('/calls?to=%2B15550177').expect(200)).body);
    assert.deepEqual(
      list.items.map((call) => [call.status, call.ending?.cause]),
      [['failed', 'redis_unavailable']],
    );
  });
});

describe('Idempotency-Key', () => {
  it('makes one call on two servers, and repeats its answer', async () => {
    const other = fixture.another({});
    const [one, two] = await Promise.all([
      fixture.api.post('/calls').set('Idempotency-Key', 'k-1').send(good),
      other.api.post('/calls').set('Idempotency-Key', 'k-1').send({ url: good.url, from: good.from, to: good.to }),
    ]);
    assert.equal(one.status, 201);
    assert.equal(two.status, 201);
    assert.equal(one.body.sid, two.body.sid);
    const replayed = [one.get('idempotent-replayed'), two.get('idempotent-replayed')].filter(
      (value) => value === 'true',
    );
    assert.equal(replayed.length, 1);
    assert.deepEqual([...new Set(fixture.queue.added)], [one.body.sid]);
  });

  it('refuses the same key with another body', async () => {
    await fixture.api.post('/calls').set('Idempotency-Key', 'k-2').send(good).expect(201);
    const answer = await fixture.api
      .post('/calls')
      .set('Idempotency-Key', 'k-2')
      .send({ ...good, timeout: 5 });
    assert.equal(answer.status, 422);
    assert.equal(answer.body.code, 'idempotency_key_reused');
    assert.equal(fixture.queue.added.length, 1);
  });

  it('queues the call at the second try when the first could not', async () => {
    fixture.queue.failWith = new RedisUnavailable(new Error('away'));
    await fixture.api.post('/calls').set('Idempotency-Key', 'k-3').send(good).expect(503);
    fixture.queue.failWith = null;
    const answer = await fixture.api.post('/calls').set('Idempotency-Key', 'k-3').send(good).expect(201);
    assert.equal(answer.body.status, 'queued');
    assert.deepEqual(fixture.queue.added, [answer.body.sid]);
  });

  const hindrances: readonly (readonly [string, () => ApiFixture['api']])[] = [
    [
      'the queue is full',
      () => {
        fixture.queue.waitingNow = settings.QUEUE_LIMIT;
        return fixture.api;
      },
    ],
    [
      'its URL is refused by now',
      () => fixture.another({ guard: createDestinationGuard({ allowPrivate: false }) }).api,
    ],
    ['its trunk is gone', () => fixture.another({ trunks: new Set<string>() }).api],
  ];
  for (const [why, hinder] of hindrances) {
    it(`answers for the call it made, and queues it, though ${why}`, async () => {
      const body = { ...good, url: 'http://127.0.0.1/voice', trunk: 'carrier' };
      const key = `made, and ${why}`.replaceAll(/\W/g, '-');
      const post = (api: ApiFixture['api'], more = {}) =>
        api
          .post('/calls')
          .set('Idempotency-Key', key)
          .send({ ...body, ...more });
      fixture.queue.failWith = new RedisUnavailable(new Error('away'));
      await post(fixture.api).expect(503);
      fixture.queue.failWith = null;
      const hindered = hinder();
      const answer = await post(hindered).expect(201);
      assert.equal(answer.get('idempotent-replayed'), 'true');
      assert.deepEqual(fixture.queue.added, [answer.body.sid]);
      assert.equal((await post(hindered, { timeout: 5 }).expect(422)).body.code, 'idempotency_key_reused');
    });
  }

  it('refuses a key that is none', async () => {
    await fixture.api.post('/calls').set('Idempotency-Key', 'a b').send(good).expect(422);
  });
});

describe('GET /calls', () => {
  it('pages newest first, without a call twice or missing', async () => {
    const to = '+15550188';
    const made: string[] = [];
    for (let at = 1; at <= 5; at += 1) {
      const { sid } = await fixture.call('queued', { to, createdAt: `2026-01-0${at}T00:00:00.000Z` });
      made.unshift(sid);
    }
    const seen: string[] = [];
    let path = '/calls?limit=2&to=%2B15550188';
    for (let pages = 0; pages < 4 && path !== ''; pages += 1) {
      const page = callPage.parse((await fixture.api.get(path).expect(200)).body);
      assert.ok(page.items.length <= 2);
      seen.push(...page.items.map((call) => call.sid));
      path = page.nextCursor === null ? '' : `/calls?limit=2&to=%2B15550188&cursor=${page.nextCursor}`;
    }
    assert.deepEqual(seen, made);
    const window = await fixture.api.get(
      '/calls?to=%2B15550188&since=2026-01-02T00:00:00Z&until=2026-01-03T01:00:00%2B01:00',
    );
    assert.deepEqual(
      callPage.parse(window.body).items.map((call) => call.sid),
      [made[2], made[3]],
    );
  });

  it('filters by status', async () => {
    await fixture.call('in-progress', { to: '+15550189' });
    await fixture.call('queued', { to: '+15550189' });
    const page = callPage.parse((await fixture.api.get('/calls?status=in-progress&to=%2B15550189').expect(200)).body);
    assert.deepEqual(
      page.items.map((call) => call.status),
      ['in-progress'],
    );
  });

  for (const query of [
    'limit=0',
    'limit=201',
    'limit=x',
    'status=lost',
    'since=yesterday',
    'colour=blue',
    'limit=1&limit=2',
  ]) {
    it(`refuses ?${query}`, async () => {
      const answer = await fixture.api.get(`/calls?${query}`).expect(422);
      assert.equal(answer.body.code, 'invalid');
    });
  }
});

describe('GET /calls/:sid', () => {
  it('shows a call without what is inside', async () => {
    const { sid } = await fixture.call('in-progress');
    const call = callResource.parse((await fixture.api.get(`/calls/${sid}`).expect(200)).body);
    assert.equal(call.owner, OWNER);
  });

  for (const sid of [NOBODY, 'CA12', 'x', '%00']) {
    it(`knows no ${sid}`, async () => {
      const answer = await fixture.api.get(`/calls/${sid}`).expect(404);
      assert.equal(answer.body.code, 'call_not_found');
    });
  }
});

describe('POST /calls/:sid', () => {
  const letters = async (sid: CallSid, epoch: Parameters<typeof fixture.store.mailbox.readForCall>[1]) => {
    const read = await fixture.store.mailbox.readForCall(sid, epoch);
    assert.ok(read !== 'lost');
    return read.map((posted) => posted.letter);
  };

  it('AC-59: asks the owner to end a call in progress', async () => {
    const { sid, epoch } = await fixture.call('in-progress');
    await fixture.api.post(`/calls/${sid}`).send({ status: 'completed' }).expect(200);
    assert.deepEqual(await letters(sid, epoch), [{ kind: 'end', status: 'completed' }]);
    assert.deepEqual(fixture.queue.rung, [{ owner: OWNER, sid }]);
  });

  it('AC-60: asks the owner to cancel a ringing call', async () => {
    const { sid, epoch } = await fixture.call('ringing');
    await fixture.api.post(`/calls/${sid}`).send({ status: 'canceled' }).expect(200);
    assert.deepEqual(await letters(sid, epoch), [{ kind: 'end', status: 'canceled' }]);
  });

  it('ends a call in the queue at once', async () => {
    const { sid } = await fixture.call('queued');
    const answer = await fixture.api.post(`/calls/${sid}`).send({ status: 'canceled' }).expect(200);
    assert.equal(callResource.parse(answer.body).status, 'canceled');
    assert.equal(answer.body.ending.cause, 'api_canceled');
    assert.equal(answer.body.ending.blame, 'api');
    assert.ok(fixture.queue.dropped.includes(sid));
    const types = (await fixture.store.timeline.read(sid, 0, 10)).map(({ type }) => type);
    assert.equal(types.at(-1), 'call.ended');
    const again = await fixture.api.post(`/calls/${sid}`).send({ status: 'canceled' }).expect(410);
    assert.equal(again.body.code, 'call_ended');
  });

  it('leaves an inbound call in the queue to whoever takes it', async () => {
    const { sid } = await fixture.call('queued', { direction: 'inbound' });
    await fixture.api.post(`/calls/${sid}`).send({ status: 'canceled' }).expect(200);
    assert.equal((await fixture.store.calls.get(sid))?.status, 'queued');
    const claimed = await fixture.store.calls.claim(sid, OWNER);
    assert.ok(claimed);
    assert.deepEqual(await letters(sid, claimed.epoch), [{ kind: 'end', status: 'canceled' }]);
  });

  it('AC-61: hands another document to a call in progress', async () => {
    const { sid, epoch } = await fixture.call('in-progress', { dialect: 'twilio' });
    await fixture.api.post(`/calls/${sid}`).send({ url: 'https://app.example/next' }).expect(200);
    await fixture.api.post(`/calls/${sid}`).send({ twiml: '<Response/>' }).expect(200);
    assert.deepEqual(await letters(sid, epoch), [
      { kind: 'replace', document: { kind: 'url', url: 'https://app.example/next', method: 'POST' } },
      { kind: 'replace', document: { kind: 'inline', twiml: '<Response/>' } },
    ]);
  });

  it('answers 409 where the call is not far enough or too far', async () => {
    const queued = await fixture.call('queued');
    const early = await fixture.api.post(`/calls/${queued.sid}`).send({ twiml: '<Response/>' }).expect(409);
    assert.equal(early.body.code, 'call_not_in_progress');
    const answered = await fixture.call('in-progress');
    const late = await fixture.api.post(`/calls/${answered.sid}`).send({ status: 'canceled' }).expect(409);
    assert.equal(late.body.code, 'call_in_progress');
  });

  it('answers 410 for an ended call and 404 for none', async () => {
    const { sid } = await fixture.call('completed');
    for (const body of [{ status: 'completed' }, { twiml: '<Response/>' }, { url: good.url }]) {
      const answer = await fixture.api.post(`/calls/${sid}`).send(body).expect(410);
      assert.equal(answer.body.code, 'call_ended');
    }
    await fixture.api.post(`/calls/${NOBODY}`).send({ status: 'completed' }).expect(404);
  });

  for (const body of [
    {},
    { status: 'completed', twiml: '<Response/>' },
    { status: 'paused' },
    { method: 'GET' },
    { x: 1 },
  ]) {
    it(`refuses ${JSON.stringify(body)}`, async () => {
      const { sid } = await fixture.call('in-progress');
      await fixture.api.post(`/calls/${sid}`).send(body).expect(422);
    });
  }
});

describe('POST /calls/:sid/digits', () => {
  it('posts them and rings', async () => {
    const { sid, epoch } = await fixture.call('in-progress');
    const answer = await fixture.api.post(`/calls/${sid}/digits`).send({ digits: '12w#A' }).expect(202);
    callResource.parse(answer.body);
    const read = await fixture.store.mailbox.readForCall(sid, epoch);
    assert.deepEqual(read === 'lost' ? read : read.map((posted) => posted.letter), [
      { kind: 'press', digits: '12w#A' },
    ]);
    assert.deepEqual(fixture.queue.rung, [{ owner: OWNER, sid }]);
  });

  it('answers 422, 404, 409 and 410', async () => {
    const { sid } = await fixture.call('in-progress');
    await fixture.api.post(`/calls/${sid}/digits`).send({ digits: 'z' }).expect(422);
    await fixture.api.post(`/calls/${NOBODY}/digits`).send({ digits: '1' }).expect(404);
    const ringing = await fixture.call('ringing');
    await fixture.api.post(`/calls/${ringing.sid}/digits`).send({ digits: '1' }).expect(409);
    const ended = await fixture.call('completed');
    await fixture.api.post(`/calls/${ended.sid}/digits`).send({ digits: '1' }).expect(410);
  });
});

describe('the queue time limit', () => {
  it('ends calls nobody took, and no other', async () => {
    const clock = new ManualClock(Date.parse('2026-03-01T00:00:00Z'));
    const long = await fixture.call('queued', { createdAt: '2026-02-28T23:58:59.000Z' });
    const short = await fixture.call('queued', { createdAt: '2026-02-28T23:59:30.000Z' });
    const inbound = await fixture.call('queued', { createdAt: '2026-02-28T23:58:59.000Z', direction: 'inbound' });
    const { store, queue } = fixture;
    const deps = { store, queue, clock, logger: silentLogger, metrics: new ApiMetrics(), settings };
    await endOverdue(deps);
    const ended = await store.calls.get(long.sid);
    assert.equal(ended?.status, 'failed');
    assert.equal(ended?.ending?.cause, 'queue_timeout');
    assert.equal((await store.calls.get(short.sid))?.status, 'queued');
    assert.equal((await store.calls.get(inbound.sid))?.status, 'queued');
    assert.ok(!queue.owe.includes(long.sid), 'nobody asked for a callback');
  });

  it('AC-65: writes the end into the timeline and owes the callback that was asked for', async () => {
    const clock = new ManualClock(Date.parse('2026-03-01T00:00:00Z'));
    const asked = await fixture.call('queued', {
      createdAt: '2026-02-28T23:58:59.000Z',
      plan: { ...aCall().plan, statusCallback: 'https://app.example/status', statusCallbackEvents: ['completed'] },
    });
    const { store, queue } = fixture;
    await endOverdue({ store, queue, clock, logger: silentLogger, metrics: new ApiMetrics(), settings });
    const types = (await store.timeline.read(asked.sid, 0, 10)).map(({ type }) => type);
    assert.equal(types.at(-1), 'call.ended');
    const owed = await store.outbox.peek(asked.sid);
    assert.deepEqual([owed?.letter.event, owed?.letter.fields['CallStatus']], ['call.completed', 'failed']);
    assert.ok(queue.owe.includes(asked.sid));
  });

  it('ends a caller whose gateway has gone for good a minute later', async () => {
    const clock = new ManualClock(Date.parse('2026-03-01T00:00:00Z'));
    const gone = await fixture.call('queued', { createdAt: '2026-02-28T23:57:59.000Z', direction: 'inbound' });
    const { store, queue } = fixture;
    await endOverdue({ store, queue, clock, logger: silentLogger, metrics: new ApiMetrics(), settings });
    assert.equal((await store.calls.get(gone.sid))?.ending?.cause, 'queue_timeout');
  });
});
