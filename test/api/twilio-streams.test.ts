/**
 * Twilio's routes for streams over a real Redis: the same records, letters, limits and words as our own routes
 * (PROTOCOL §5, §12), asked by hand and by Twilio's own client.
 */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import supertest from 'supertest';
import twilio from 'twilio';
import type RequestClient from 'twilio/lib/base/RequestClient.js';
import { streamResource } from '../../api/schemas/stream.ts';
import { twilioErrorResource, twilioStream } from '../../api/twilio/schemas.ts';
import type { CallSid, Epoch } from '../../shared/kernel/ids.ts';
import { isStreamSid, newAccountSid, newCallSid } from '../../shared/kernel/ids.ts';
import { createDestinationGuard } from '../../shared/net/destination.ts';
import { ACCOUNT_SID, type ApiFixture, AUTH_TOKEN, OWNER, settings, startApiFixture } from '../support/api-fixture.ts';
import { aStream } from '../support/records.ts';

const Url = 'wss://app.example/audio';

let fixture: ApiFixture;
before(async () => {
  fixture = await startApiFixture();
});
after(() => fixture.stop());

const streamsOf = (sid: string, account: string = ACCOUNT_SID): string =>
  `/2010-04-01/Accounts/${account}/Calls/${sid}/Streams`;

const create = (sid: string, form: object, { api } = fixture) =>
  api
    .post(`${streamsOf(sid)}.json`)
    .type('form')
    .send(form);

const stop = (sid: string, stream: string, form: object = { Status: 'stopped' }) =>
  fixture.api
    .post(`${streamsOf(sid)}/${encodeURIComponent(stream)}.json`)
    .type('form')
    .send(form);

const letters = async ({ sid, epoch }: { sid: CallSid; epoch: Epoch }) => {
  const read = await fixture.store.mailbox.readForCall(sid, epoch);
  assert.ok(read !== 'lost');
  return read.map((posted) => posted.letter);
};

/** Holds the answer to the shape of Twilio's errors. */
function refused(answer: supertest.Response, status: number, code: number): string {
  assert.equal(answer.status, status, answer.text);
  assert.match(answer.get('content-type') ?? '', /^application\/json/);
  const error = twilioErrorResource.parse(answer.body);
  assert.equal(error.status, status);
  assert.equal(error.code, code, error.message);
  assert.equal(error.more_info, `https://www.twilio.com/docs/errors/${code}`);
  return error.message;
}

describe('starting a stream as Twilio does', () => {
  it('AC-54: create then stop by name answers the same sid with stopped, and tells the call both', async () => {
    const call = await fixture.call('in-progress');
    fixture.queue.rung.length = 0;
    const created = twilioStream.parse((await create(call.sid, { Url, Name: 'coach' }).expect(201)).body);
    assert.ok(isStreamSid(created.sid));
    assert.match(created.date_updated, /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000$/);
    const { date_updated: _time, ...rest } = created;
    assert.deepEqual(rest, {
      sid: created.sid,
      account_sid: ACCOUNT_SID,
      call_sid: call.sid,
      name: 'coach',
      status: 'in-progress',
      uri: `${streamsOf(call.sid)}/${created.sid}.json`,
    });
    const stopped = twilioStream.parse((await stop(call.sid, 'coach').expect(200)).body);
    assert.equal(stopped.sid, created.sid);
    assert.equal(stopped.status, 'stopped');
    assert.deepEqual(await letters(call), [
      { kind: 'stream-start', stream: created.sid },
      { kind: 'stream-stop', stream: created.sid },
    ]);
    assert.deepEqual(fixture.queue.rung, [
      { owner: OWNER, sid: call.sid },
      { owner: OWNER, sid: call.sid },
    ]);
  });

  it('turns every field into the spec, in the twilio dialect on a pivot call, and ignores what it does not know', async () => {
    const call = await fixture.call('in-progress', { dialect: 'pivot' });
    const form = {
      Url: `${Url}?token=1`,
      Name: 'both of them',
      Track: 'both_tracks',
      StatusCallback: 'https://app.example/status',
      StatusCallbackMethod: 'GET',
      ConnectorName: 'x',
    };
    await create(call.sid, form).expect(201);
    const record = await fixture.store.streams.get(call.sid, 'both of them');
    assert.deepEqual(record?.spec, {
      name: 'both of them',
      url: Url,
      mode: 'unidirectional',
      track: 'both',
      mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 },
      dialect: 'twilio',
      customParameters: {},
      headers: {},
      statusCallback: 'https://app.example/status',
      statusCallbackMethod: 'GET',
      playbackEvents: false,
      reconnectMs: 0,
    });
  });

  it('a stream without a name has none, and is stopped by its sid; an empty field is as good as none', async () => {
    const call = await fixture.call('in-progress');
    const { body } = await create(call.sid, { Url, Name: '', StatusCallback: '' }).expect(201);
    assert.equal(twilioStream.parse(body).name, null);
    assert.equal((await fixture.store.streams.get(call.sid, body.sid))?.spec.name, body.sid);
    assert.equal(twilioStream.parse((await stop(call.sid, body.sid).expect(200)).body).sid, body.sid);
  });

  it('AC-56: Parameter1 to Parameter99 become customParameters, with gaps, in any order', async () => {
    const call = await fixture.call('in-progress');
    const form = {
      'Parameter99.Value': 'last & least',
      'Parameter99.Name': 'end',
      'Parameter7.Name': 'flag',
      'Parameter1.Name': 'room',
      'Parameter1.Value': 'blue',
    };
    const { body } = await create(call.sid, { Url, ...form }).expect(201);
    const record = await fixture.store.streams.get(call.sid, body.sid);
    assert.deepEqual(record?.spec.customParameters, { room: 'blue', flag: '', end: 'last & least' });

    const all = Array.from({ length: 99 }, (_, at) => at + 1);
    const full = Object.fromEntries(
      all.flatMap((n) => [
        [`Parameter${n}.Name`, `n${n}`],
        [`Parameter${n}.Value`, `v${n}`],
      ]),
    );
    const second = await create(call.sid, { Url, ...full }).expect(201);
    const kept = (await fixture.store.streams.get(call.sid, second.body.sid))?.spec.customParameters;
    assert.deepEqual(kept, Object.fromEntries(all.map((n) => [`n${n}`, `v${n}`])));
  });

  const wrong: [string, object, number, RegExp][] = [
    ['AC-55: no Url', { Name: 'x' }, 21205, /^Url: is missing$/],
    ['AC-55: an empty Url', { Url: '' }, 21205, /^Url: is missing$/],
    ['an http Url', { Url: 'https://app.example/' }, 21205, /^Url: invalid websocket url$/],
    ['an unknown Track', { Url, Track: 'sideways' }, 20422, /^Track: must be one of inbound_track, /],
    ['a StatusCallback that is no URL', { Url, StatusCallback: '/status' }, 20422, /^StatusCallback: an absolute http/],
    ['an unknown method', { Url, StatusCallbackMethod: 'PUT' }, 20422, /^StatusCallbackMethod: must be one of GET, /],
    ['a Name that reads as a sid', { Url, Name: `MZ${'a'.repeat(32)}` }, 20422, /^Name: a name must not look like/],
    ['a parameter without a name', { Url, 'Parameter3.Value': 'x' }, 20422, /^Parameter3: Name is missing$/],
    [
      'the hundredth parameter',
      { Url, 'Parameter100.Name': 'x', 'Parameter100.Value': 'y' },
      20422,
      /^Parameter100: at most 99 parameters$/,
    ],
    [
      'AC-39: a parameter of 500 characters',
      { Url, 'Parameter1.Name': 'a', 'Parameter1.Value': 'x'.repeat(499) },
      20422,
      /^Parameter1: Name and Value together/,
    ],
  ];
  for (const [what, form, code, message] of wrong) {
    it(`refuses ${what}`, async () => {
      const call = await fixture.call('in-progress');
      assert.match(refused(await create(call.sid, form), 400, code), message);
      assert.deepEqual(await letters(call), []);
    });
  }

  it('takes ws only where it is allowed, and no private destination', async () => {
    const call = await fixture.call('in-progress');
    const strict = fixture.another({ settings: { ...settings, ALLOW_INSECURE_WS: false } });
    refused(await create(call.sid, { Url: 'ws://app.example/' }, { ...fixture, ...strict }), 400, 21205);
    const guarded = fixture.another({ guard: createDestinationGuard({ allowPrivate: false }) });
    refused(await create(call.sid, { Url: 'wss://10.0.0.1/audio' }, { ...fixture, ...guarded }), 400, 21205);
  });

  it('refuses a live name, also with the same form again; an ended one may be used again', async () => {
    const call = await fixture.call('in-progress');
    const { body } = await create(call.sid, { Url, Name: 'one' }).expect(201);
    for (const form of [
      { Url, Name: 'one' },
      { Url, Name: 'one', Track: 'both_tracks' },
    ]) {
      assert.equal(refused(await create(call.sid, form), 400, 20422), 'stream name already exists');
    }
    await fixture.store.streams.save(call.sid, body.sid, call.epoch, { status: 'stopped', reason: 'api' });
    const next = await create(call.sid, { Url, Name: 'one' }).expect(201);
    assert.notEqual(next.body.sid, body.sid);
  });

  it('AC-87: refuses the fifth stream in the words of our own routes', async () => {
    const call = await fixture.call('in-progress');
    for (const name of ['1', '2']) await create(call.sid, { Url, Name: name }).expect(201);
    for (const name of ['3', '4']) {
      await fixture.api.put(`/calls/${call.sid}/streams/${name}`).send({ url: Url }).expect(201);
    }
    const native = await fixture.api.put(`/calls/${call.sid}/streams/5`).send({ url: Url }).expect(409);
    const compat = refused(await create(call.sid, { Url, Name: '5' }), 400, 20422);
    assert.equal(compat, native.body.detail);
    assert.equal(compat, 'max unidirectional limit reached');
  });

  it('AC-49: counts tracks: two of both_tracks are all a call has room for', async () => {
    const call = await fixture.call('in-progress');
    for (const Name of ['a', 'b']) await create(call.sid, { Url, Name, Track: 'both_tracks' }).expect(201);
    refused(await create(call.sid, { Url, Name: 'c' }), 400, 20422);
  });

  it('AC-55: an unknown call or stream is 20404, one that has ended or still rings 21220', async () => {
    for (const nobody of [newCallSid(), 'CA123']) {
      refused(await create(nobody, { Url }), 404, 20404);
      refused(await stop(nobody, 'x'), 404, 20404);
    }
    const live = await fixture.call('in-progress');
    refused(await stop(live.sid, 'nobody'), 404, 20404);
    const ended = await fixture.call('completed');
    refused(await create(ended.sid, { Url }), 400, 21220);
    refused(await stop(ended.sid, 'x'), 400, 21220);
    const ringing = await fixture.call('ringing');
    const early = refused(await create(ringing.sid, { Url }), 400, 21220);
    assert.equal(early, 'the call is not in progress: it is ringing');
  });
});

describe('stopping a stream as Twilio does', () => {
  it('AC-86: what our own route started is stopped here, and the other way round', async () => {
    const call = await fixture.call('in-progress');
    const ours = await fixture.api.put(`/calls/${call.sid}/streams/coach v1.5`).send({ url: Url }).expect(201);
    const shown = twilioStream.parse((await stop(call.sid, 'coach v1.5').expect(200)).body);
    assert.deepEqual([shown.sid, shown.name, shown.status], [ours.body.sid, 'coach v1.5', 'stopped']);
    const { body } = await create(call.sid, { Url, Name: 'theirs' }).expect(201);
    const theirs = streamResource.parse((await fixture.api.get(`/calls/${call.sid}/streams/theirs`).expect(200)).body);
    assert.equal(theirs.sid, body.sid);
    assert.equal(theirs.dialect, 'twilio');
    await fixture.api.delete(`/calls/${call.sid}/streams/theirs`).expect(200);
    assert.deepEqual(await letters(call), [
      { kind: 'stream-start', stream: ours.body.sid },
      { kind: 'stream-stop', stream: ours.body.sid },
      { kind: 'stream-start', stream: body.sid },
      { kind: 'stream-stop', stream: body.sid },
    ]);
  });

  it('one that has stopped stays as it is', async () => {
    const call = await fixture.call('in-progress');
    const { body } = await create(call.sid, { Url, Name: 'a' }).expect(201);
    const stoppedAt = '2026-11-22T06:20:00.000Z';
    await fixture.store.streams.save(call.sid, body.sid, call.epoch, { status: 'failed', stoppedAt });
    const again = twilioStream.parse((await stop(call.sid, 'a').expect(200)).body);
    assert.equal(again.status, 'stopped');
    assert.equal(again.date_updated, 'Sun, 22 Nov 2026 06:20:00 +0000');
    assert.equal((await letters(call)).length, 1);
  });

  it('takes no other status than stopped', async () => {
    const call = await fixture.call('in-progress');
    await create(call.sid, { Url, Name: 'a' }).expect(201);
    for (const form of [{}, { Status: 'paused' }, { Status: '' }]) refused(await stop(call.sid, 'a', form), 400, 20422);
    assert.equal((await letters(call)).length, 1);
  });

  it('does not stop a two-way stream', async () => {
    const call = await fixture.call('in-progress');
    const agent = aStream(call.sid, { name: 'agent', mode: 'bidirectional', dialect: 'twilio' });
    await fixture.store.streams.open(agent, { kind: 'owner', epoch: call.epoch });
    assert.match(refused(await stop(call.sid, 'agent'), 400, 20422), /closes its socket or the call ends/);
    assert.deepEqual(await letters(call), []);
  });
});

describe("below Twilio's paths", () => {
  it('AC-63: a wrong token is 20003, and another account is not found', async () => {
    const call = await fixture.call('in-progress');
    const path = `${streamsOf(call.sid)}.json`;
    const anonymous = await supertest(fixture.app).post(path).type('form').send({ Url });
    refused(anonymous, 401, 20003);
    assert.match(anonymous.get('www-authenticate') ?? '', /^Basic /);
    const guess = supertest(fixture.app).post(path).auth(ACCOUNT_SID, 'guess').type('form');
    refused(await guess.send({ Url }), 401, 20003);
    const other = `${streamsOf(call.sid, newAccountSid())}.json`;
    refused(await fixture.api.post(other).type('form').send({ Url }), 404, 20404);
    assert.deepEqual(await letters(call), []);
  });

  it('other methods, other bodies and other paths are refused in the same shape', async () => {
    const call = await fixture.call('in-progress');
    const path = `${streamsOf(call.sid)}.json`;
    const got = await fixture.api.get(path);
    refused(got, 405, 20004);
    assert.equal(got.get('allow'), 'POST, OPTIONS');
    assert.match(refused(await fixture.api.post(path).send({ Url }), 415, 20422), /application\/x-www-form-urlencoded/);
    refused(
      await fixture.api
        .post(path)
        .type('form')
        .send(`Url=${'x'.repeat(600_000)}`),
      413,
      20422,
    );
    refused(await fixture.api.post(path).type('form').send('&a'.repeat(1001)), 400, 20422);
    refused(await fixture.api.get(`/2010-04-01/Accounts/${ACCOUNT_SID}.json`), 404, 20404);
    assert.deepEqual(await letters(call), []);
  });

  it('too many requests are 20429', async () => {
    const { app } = fixture.another({ settings: { ...settings, RATE_LIMIT: 1 } });
    const path = `${streamsOf(newCallSid())}.json`;
    await supertest(app).post(path);
    refused(await supertest(app).post(path), 429, 20429);
  });

  it('of a field that came twice the last counts', async () => {
    const call = await fixture.call('in-progress');
    const { body } = await fixture.api
      .post(`${streamsOf(call.sid)}.json`)
      .type('form')
      .send(`Url=x&Name=a&Name=b&Url=${encodeURIComponent(Url)}`)
      .expect(201);
    assert.equal(body.name, 'b');
  });
});

describe("Twilio's own client", () => {
  /** Sends to our address what is meant for api.twilio.com. */
  class OurAddress extends twilio.RequestClient {
    readonly #base: string;

    constructor(base: string) {
      super();
      this.#base = base;
    }

    override request<Data>(options: RequestClient.RequestOptions<Data>) {
      return super.request<Data>({ ...options, uri: options.uri.replace('https://api.twilio.com', this.#base) });
    }
  }

  const server = createServer((request, response) => fixture.app(request, response));
  before(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
  after(() => new Promise((resolve) => server.close(resolve)));

  const client = (token = AUTH_TOKEN) => {
    const { port } = server.address() as AddressInfo;
    return twilio(ACCOUNT_SID, token, { httpClient: new OurAddress(`http://127.0.0.1:${port}`) });
  };

  it('AC-54, AC-56: creates and stops a stream', async () => {
    const call = await fixture.call('in-progress');
    const streams = client().calls(call.sid).streams;
    const created = await streams.create({
      url: Url,
      name: 'coach',
      track: 'both_tracks',
      statusCallback: 'https://app.example/status',
      statusCallbackMethod: 'POST',
      'parameter1.name': 'room',
      'parameter1.value': 'blue',
      'parameter99.name': 'last',
      'parameter99.value': 'Grüße & mehr',
    });
    assert.equal(created.name, 'coach');
    assert.equal(created.status, 'in-progress');
    assert.ok(created.dateUpdated instanceof Date && !Number.isNaN(created.dateUpdated.getTime()));
    const record = await fixture.store.streams.get(call.sid, created.sid);
    assert.deepEqual(record?.spec.customParameters, { room: 'blue', last: 'Grüße & mehr' });
    const stopped = await streams('coach').update({ status: 'stopped' });
    assert.deepEqual([stopped.sid, stopped.status], [created.sid, 'stopped']);
    assert.deepEqual(
      (await letters(call)).map(({ kind }) => kind),
      ['stream-start', 'stream-stop'],
    );
  });

  it('AC-55: throws what we answer, with code, status and sentence', async () => {
    const nobody = client().calls(newCallSid()).streams.create({ url: Url });
    await assert.rejects(nobody, { name: 'Error', code: 20404, status: 404, message: /No call has this sid/ });
    const ended = await fixture.call('completed');
    await assert.rejects(client().calls(ended.sid).streams('x').update({ status: 'stopped' }), { code: 21220 });
    await assert.rejects(client('guess').calls(ended.sid).streams.create({ url: Url }), { code: 20003, status: 401 });
  });
});
