/** /calls/:sid/streams over a real Redis: limits, idempotence, letters, and the words of every refusal. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { problemResource } from '../../api/schemas/problem.ts';
import { streamPage, streamResource } from '../../api/schemas/stream.ts';
import { refusalMessages } from '../../shared/domain/stream.ts';
import type { CallSid, Epoch } from '../../shared/kernel/ids.ts';
import { isStreamSid } from '../../shared/kernel/ids.ts';
import { createDestinationGuard } from '../../shared/net/destination.ts';
import { type ApiFixture, OWNER, settings, startApiFixture } from '../support/api-fixture.ts';
import { aStream } from '../support/records.ts';

const url = 'wss://app.example/audio';
const NOBODY = `CA${'0'.repeat(32)}`;

let fixture: ApiFixture;
before(async () => {
  fixture = await startApiFixture();
});
after(() => fixture.stop());
beforeEach(() => {
  fixture.queue.rung.length = 0;
});

const letters = async ({ sid, epoch }: { sid: CallSid; epoch: Epoch }) => {
  const read = await fixture.store.mailbox.readForCall(sid, epoch);
  assert.ok(read !== 'lost');
  return read.map((posted) => posted.letter);
};

const stop = async (call: { sid: CallSid; epoch: Epoch }, stream: string) => {
  assert.ok(isStreamSid(stream));
  await fixture.store.streams.save(call.sid, stream, call.epoch, { status: 'stopped', reason: 'stopped' });
};

describe('starting a stream', () => {
  for (const method of ['put', 'post'] as const) {
    it(`${method.toUpperCase()} starts a one-way stream, by letter and bell`, async () => {
      const call = await fixture.call('in-progress');
      const answer = await fixture.api[method](`/calls/${call.sid}/streams/coach`).send({ url }).expect(201);
      const stream = streamResource.parse(answer.body);
      assert.equal(stream.name, 'coach');
      assert.equal(stream.status, 'connecting');
      assert.equal(stream.mode, 'unidirectional');
      assert.equal(answer.get('location'), `/calls/${call.sid}/streams/${stream.sid}`);
      assert.deepEqual(await letters(call), [{ kind: 'stream-start', stream: stream.sid }]);
      assert.deepEqual(fixture.queue.rung, [{ owner: OWNER, sid: call.sid }]);
    });
  }

  it('turns every field into the spec, and shows the URL without credentials', async () => {
    const call = await fixture.call('in-progress');
    const body = {
      url: 'wss://user:secret@app.example/audio?token=1#x',
      track: 'both',
      audioCodec: 'pcm',
      audioMix: 'stereo',
      sampleRate: 16_000,
      rawAudio: true,
      parameters: { room: 'blue' },
      headers: { Authorization: 'Bearer x' },
      statusCallback: 'https://app.example/status',
      statusCallbackMethod: 'GET',
      playbackEvents: true,
      reconnect: 2.5,
    };
    const answer = await fixture.api.put(`/calls/${call.sid}/streams/a%20b`).send(body).expect(201);
    const shown = streamResource.parse(answer.body);
    assert.equal(shown.url, 'wss://app.example/audio');
    assert.ok(!JSON.stringify(answer.body).includes('secret'));
    assert.ok(!JSON.stringify(answer.body).includes('Bearer'));
    const record = await fixture.store.streams.get(call.sid, 'a b');
    assert.deepEqual(record?.spec, {
      name: 'a b',
      url: 'wss://user:secret@app.example/audio',
      mode: 'raw',
      track: 'both',
      mediaFormat: { encoding: 'audio/L16', sampleRate: 16_000, channels: 2 },
      dialect: 'pivot',
      customParameters: { room: 'blue' },
      headers: { Authorization: 'Bearer x' },
      statusCallback: 'https://app.example/status',
      statusCallbackMethod: 'GET',
      playbackEvents: true,
      reconnectMs: 2500,
    });
  });

  it('answers the same PUT again with 200 and the same stream, on another server too', async () => {
    const call = await fixture.call('in-progress');
    const first = await fixture.api.put(`/calls/${call.sid}/streams/one`).send({ url, track: 'both' }).expect(201);
    const second = await fixture.another({}).api.put(`/calls/${call.sid}/streams/one`).send({ track: 'both', url });
    assert.equal(second.status, 200);
    assert.equal(second.body.sid, first.body.sid);
    assert.equal((await letters(call)).length, 1);
  });

  it('AC-29: refuses a live name with another body; an ended one may be used again', async () => {
    const call = await fixture.call('in-progress');
    const first = await fixture.api.put(`/calls/${call.sid}/streams/one`).send({ url }).expect(201);
    const taken = await fixture.api.put(`/calls/${call.sid}/streams/one`).send({ url, track: 'both' }).expect(409);
    assert.equal(taken.body.code, 'stream_name_taken');
    assert.equal(taken.body.detail, refusalMessages.stream_name_taken);
    await stop(call, first.body.sid);
    const next = await fixture.api.put(`/calls/${call.sid}/streams/one`).send({ url, track: 'both' }).expect(201);
    assert.notEqual(next.body.sid, first.body.sid);
  });

  it('AC-27, AC-87: refuses the fifth stream in the words a document gets', async () => {
    const call = await fixture.call('in-progress');
    for (const name of ['1', '2', '3', '4']) {
      await fixture.api.put(`/calls/${call.sid}/streams/${name}`).send({ url }).expect(201);
    }
    const fifth = await fixture.api.put(`/calls/${call.sid}/streams/5`).send({ url }).expect(409);
    assert.equal(fifth.body.code, 'stream_limit');
    assert.equal(fifth.body.detail, 'max unidirectional limit reached');
    const byDocument = await fixture.store.streams.open(aStream(call.sid), { kind: 'owner', epoch: call.epoch });
    assert.ok(byDocument.kind === 'refused');
    assert.equal(refusalMessages[byDocument.reason], fifth.body.detail);
  });

  it('lets only four of eight at once win', async () => {
    const call = await fixture.call('in-progress');
    const other = fixture.another({});
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, at) =>
        (at % 2 ? other : fixture).api.put(`/calls/${call.sid}/streams/s${at}`).send({ url }),
      ),
    );
    assert.deepEqual(answers.map((answer) => answer.status).sort(), [201, 201, 201, 201, 409, 409, 409, 409]);
  });

  it('answers 404, 409 and 410 by the state of the call', async () => {
    await fixture.api.put(`/calls/${NOBODY}/streams/x`).send({ url }).expect(404);
    const ringing = await fixture.call('ringing');
    const early = await fixture.api.put(`/calls/${ringing.sid}/streams/x`).send({ url }).expect(409);
    assert.equal(early.body.code, 'call_not_in_progress');
    assert.equal(early.body.detail, 'the call is not in progress: it is ringing');
    const ended = await fixture.call('completed');
    const late = await fixture.api.put(`/calls/${ended.sid}/streams/x`).send({ url }).expect(410);
    assert.equal(late.body.code, 'call_ended');
  });

  const wrong: [string, object, string][] = [
    ['no url', {}, 'url'],
    ['an http url', { url: 'https://app.example/' }, 'url'],
    ['a relative url', { url: '/audio' }, 'url'],
    ['an unknown track', { url, track: 'sideways' }, 'track'],
    ['an unknown codec', { url, audioCodec: 'opus' }, 'audioCodec'],
    ['a rate between', { url, sampleRate: 11_025 }, 'sampleRate'],
    ['duplex, which takes over a document', { url, rawAudio: 'duplex' }, 'rawAudio'],
    ['what twilio has not', { url, dialect: 'twilio', sampleRate: 8000 }, 'sampleRate'],
    ['a header of the handshake', { url, headers: { 'Sec-WebSocket-Key': 'x' } }, 'headers.Sec-WebSocket-Key'],
    ['too long a reconnect', { url, reconnect: 301 }, 'reconnect'],
    ['an unknown field', { url, loud: true }, 'loud'],
    ['AC-39: a parameter of 500 characters', { url, parameters: { a: 'x'.repeat(499) } }, 'parameters.a'],
    [
      'a hundred parameters',
      { url, parameters: Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`p${i}`, ''])) },
      'parameters',
    ],
  ];
  for (const [what, body, path] of wrong) {
    it(`refuses ${what}`, async () => {
      const call = await fixture.call('in-progress');
      const answer = await fixture.api.put(`/calls/${call.sid}/streams/x`).send(body).expect(422);
      const { errors } = problemResource.parse(answer.body);
      assert.ok(
        errors.some((error) => error.path === path),
        JSON.stringify(errors),
      );
      assert.deepEqual(await letters(call), []);
    });
  }

  it('refuses a name that reads as a sid', async () => {
    const call = await fixture.call('in-progress');
    const answer = await fixture.api
      .put(`/calls/${call.sid}/streams/MZ${'a'.repeat(32)}`)
      .send({ url })
      .expect(422);
    assert.equal(answer.body.errors[0].path, 'name');
  });

  it('AC-37: takes ws only where it is allowed', async () => {
    const call = await fixture.call('in-progress');
    const strict = fixture.another({ settings: { ...settings, ALLOW_INSECURE_WS: false } });
    const answer = await strict.api.put(`/calls/${call.sid}/streams/x`).send({ url: 'ws://app.example/' }).expect(422);
    assert.equal(answer.body.errors[0].code, '31922');
    await fixture.api.put(`/calls/${call.sid}/streams/x`).send({ url: 'ws://app.example/' }).expect(201);
  });

  it('refuses a private destination', async () => {
    const call = await fixture.call('in-progress');
    const { api } = fixture.another({ guard: createDestinationGuard({ allowPrivate: false }) });
    const answer = await api.put(`/calls/${call.sid}/streams/x`).send({ url: 'wss://10.0.0.1/audio' }).expect(403);
    assert.equal(answer.body.code, 'destination_forbidden');
  });
});

describe('a stream that is there', () => {
  it('is listed in pages and found by name and sid', async () => {
    const call = await fixture.call('in-progress');
    for (const name of ['a', 'b', 'c']) await fixture.api.put(`/calls/${call.sid}/streams/${name}`).send({ url });
    const one = streamPage.parse((await fixture.api.get(`/calls/${call.sid}/streams?limit=2`).expect(200)).body);
    assert.deepEqual(
      one.items.map((stream) => stream.name),
      ['a', 'b'],
    );
    const path = `/calls/${call.sid}/streams?limit=2&cursor=${one.nextCursor}`;
    const two = streamPage.parse((await fixture.api.get(path).expect(200)).body);
    assert.deepEqual(
      two.items.map((stream) => stream.name),
      ['c'],
    );
    assert.equal(two.nextCursor, null);
    const byName = await fixture.api.get(`/calls/${call.sid}/streams/b`).expect(200);
    const bySid = await fixture.api.get(`/calls/${call.sid}/streams/${byName.body.sid}`).expect(200);
    assert.deepEqual(bySid.body, byName.body);
    assert.equal((await fixture.api.get(`/calls/${call.sid}/streams/zz`).expect(404)).body.code, 'stream_not_found');
    assert.equal((await fixture.api.get(`/calls/${NOBODY}/streams/a`).expect(404)).body.code, 'call_not_found');
    await fixture.api.get(`/calls/${NOBODY}/streams`).expect(404);
    await fixture.api.get(`/calls/${call.sid}/streams?cursor=x`).expect(422);
  });

  it('is paused, moved and given another track by letter', async () => {
    const call = await fixture.call('in-progress');
    const { body } = await fixture.api.put(`/calls/${call.sid}/streams/a`).send({ url }).expect(201);
    const path = `/calls/${call.sid}/streams/a`;
    await fixture.api.patch(path).send({ paused: true }).expect(200);
    await fixture.api.patch(path).send({ track: 'both', url: 'wss://other.example/x?y' }).expect(200);
    assert.deepEqual((await letters(call)).slice(1), [
      { kind: 'stream-update', stream: body.sid, paused: true },
      { kind: 'stream-update', stream: body.sid, track: 'both', url: 'wss://other.example/x' },
    ]);
    await fixture.api.patch(path).send({}).expect(422);
    await fixture.api.patch(path).send({ paused: 'yes' }).expect(422);
    await fixture.api.patch(path).send({ url: 'https://x' }).expect(422);
    await fixture.api.patch(`/calls/${call.sid}/streams/zz`).send({ paused: true }).expect(404);
    await stop(call, body.sid);
    assert.equal((await fixture.api.patch(path).send({ paused: true }).expect(409)).body.code, 'stream_ended');
  });

  it('AC-49: gets no track more than a twilio call may have', async () => {
    const call = await fixture.call('in-progress');
    const streams = `/calls/${call.sid}/streams`;
    for (const name of ['a', 'b', 'c', 'd']) {
      await fixture.api.put(`${streams}/${name}`).send({ url, dialect: 'twilio' }).expect(201);
    }
    const refused = await fixture.api.patch(`${streams}/a`).send({ track: 'both' }).expect(409);
    assert.deepEqual([refused.body.code, refused.body.detail], ['stream_limit', 'max unidirectional limit reached']);
    await fixture.api.patch(`${streams}/a`).send({ track: 'outbound' }).expect(200);
    assert.equal((await letters(call)).length, 5);
  });

  it('is gone for every change when its call has ended', async () => {
    const call = await fixture.call('in-progress');
    await fixture.api.put(`/calls/${call.sid}/streams/a`).send({ url }).expect(201);
    await fixture.store.calls.save(call.sid, call.epoch, {
      patch: { status: 'completed', endedAt: '2026-11-22T06:00:00.000Z' },
    });
    const answer = await fixture.api.patch(`/calls/${call.sid}/streams/a`).send({ paused: true }).expect(410);
    assert.equal(answer.body.code, 'call_ended');
  });

  it('AC-38: keeps a two-way twilio stream on the inbound track', async () => {
    const call = await fixture.call('in-progress');
    const twoWay = aStream(call.sid, { name: 'agent', mode: 'bidirectional', dialect: 'twilio' });
    await fixture.store.streams.open(twoWay, { kind: 'owner', epoch: call.epoch });
    const answer = await fixture.api.patch(`/calls/${call.sid}/streams/agent`).send({ track: 'both' }).expect(422);
    assert.equal(answer.body.errors[0].code, '31941');
  });

  it('is stopped by letter; stopping again changes nothing', async () => {
    const call = await fixture.call('in-progress');
    const { body } = await fixture.api.put(`/calls/${call.sid}/streams/a`).send({ url }).expect(201);
    await fixture.api.delete(`/calls/${call.sid}/streams/a`).expect(200);
    assert.deepEqual((await letters(call)).slice(1), [{ kind: 'stream-stop', stream: body.sid }]);
    await stop(call, body.sid);
    const again = streamResource.parse((await fixture.api.delete(`/calls/${call.sid}/streams/a`).expect(200)).body);
    assert.equal(again.status, 'stopped');
    assert.equal((await letters(call)).length, 2);
    await fixture.api.delete(`/calls/${call.sid}/streams/zz`).expect(404);
  });
});
