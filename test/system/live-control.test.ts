/** A live stream steered by REST: start, pause, resume, other track, other URL, stop; what is refused, and what GET shows meanwhile. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { twilioStream } from '../../api/twilio/schemas.ts';
import type { StreamSeen } from '../support/app.ts';
import { type Scene, Stage, until } from '../support/scene.ts';
import { suiteOwner } from '../support/suite.ts';

const PAUSE = '<Pause length="60"/>';

describe('live control of streams', () => {
  const owner = suiteOwner();
  let stage: Stage;
  before(async () => {
    stage = await Stage.open(owner);
  });

  const ask = (method: string, scene: { sid: string }, name: string, body?: unknown) =>
    stage.system.api(method, `/calls/${scene.sid}/streams/${name}`, body);
  const url = (path: string): string => stage.app.wsUrl(path);
  const media = async (stream: StreamSeen, more = 5): Promise<void> => {
    const had = stream.of('media').length;
    await stream.until('media', (seen) => seen.of('media').length >= had + more);
  };

  const tapped = async (path: string, body: Record<string, unknown> = {}) =>
    tappedOn(await stage.call(PAUSE), path, body);

  async function tappedOn(scene: Scene, path: string, body: Record<string, unknown> = {}) {
    const name = path.slice(1);
    const started = await ask('PUT', scene, name, { url: url(path), ...body });
    assert.equal(started.status, 201, JSON.stringify(started.body));
    const stream = await stage.app.stream(path);
    await media(stream);
    return { scene, name, stream, started };
  }

  it('PUT is idempotent: the same again is the same stream, another is refused, a fifth too', async () => {
    const { scene, name, started } = await tapped('/same');
    const again = await ask('PUT', scene, name, { url: url('/same') });
    assert.deepEqual([again.status, again.body.sid], [200, started.body.sid]);
    const other = await ask('PUT', scene, name, { url: url('/same'), track: 'outbound' });
    assert.deepEqual(
      [other.status, other.body.code, other.body.detail],
      [409, 'stream_name_taken', 'stream name already exists'],
    );
    for (const more of ['b', 'c', 'd'])
      assert.equal((await ask('PUT', scene, more, { url: url('/more') })).status, 201);
    const fifth = await ask('PUT', scene, 'e', { url: url('/more') });
    assert.deepEqual(
      [fifth.status, fifth.body.code, fifth.body.detail],
      [409, 'stream_limit', 'max unidirectional limit reached'],
    );
    assert.equal(stage.app.streams.filter(({ path }) => path === '/same').length, 1);
    await scene.hangUp();
  });

  it('GET shows counters that move while the stream lives, and how it ended', async () => {
    const { scene, name } = await tapped('/counters');
    const frames = async (): Promise<number> => (await ask('GET', scene, name)).body.counters.framesSent;
    const first = await frames();
    await until('the counter moves', async () => (await frames()) > first);
    const second = await frames();
    await until('it moves on', async () => (await frames()) > second);
    const shown = (await ask('GET', scene, name)).body;
    assert.equal(shown.status, 'in-progress');
    assert.ok(shown.counters.bytesSent > shown.counters.framesSent * 320);
    assert.deepEqual([shown.reason, shown.error], [null, null]);
    await scene.hangUp();
    const ended = (await ask('GET', scene, name)).body;
    assert.deepEqual([ended.status, ended.reason, ended.error], ['stopped', 'hangup', null]);
  });

  it('GET shows the error of a stream that failed', async () => {
    const scene = await stage.call(PAUSE);
    assert.equal((await ask('PUT', scene, 'bad', { url: 'ws://nothing.invalid/' })).status, 201);
    await stage.system.event(scene.sid, 'stream.failed');
    const { status, reason, error } = (await ask('GET', scene, 'bad')).body;
    assert.deepEqual([status, reason, error.code], ['failed', 'error', 31_904]);
    const change = await ask('PATCH', scene, 'bad', { paused: true });
    assert.deepEqual([change.status, change.body.code], [409, 'stream_ended']);
    await scene.hangUp();
  });

  it('PATCH paused: no media while it lasts, and the time stamps tell how long it was', async () => {
    const { scene, name, stream } = await tapped('/paused');
    assert.equal((await ask('PATCH', scene, name, { paused: true })).status, 200);
    await stage.system.event(scene.sid, 'stream.paused');
    assert.equal((await ask('GET', scene, name)).body.status, 'paused');
    const before = stream.of('media').length;
    await scene.phone.press('7');
    await stream.until('a key', (seen) => seen.of('dtmf').length === 1);
    assert.ok(stream.of('media').length <= before + 1, 'no media, but keys');
    await ask('PATCH', scene, name, { paused: false });
    await media(stream);
    const times = stream.of('media').map((message) => Number(message.media.timestamp));
    const jumps = times.slice(1).filter((time, index) => time - (times[index] ?? 0) !== 20);
    assert.equal(jumps.length, 1);
    assert.equal(stream.of('start').length, 1);
    await scene.hangUp();
  });

  it('PATCH track: the next media are of the other track, without a new start', async () => {
    const { scene, name, stream } = await tapped('/track');
    assert.equal((await ask('PATCH', scene, name, { track: 'outbound' })).status, 200);
    await stream.until('the other track', (seen) => seen.of('media').at(-1).media.track === 'outbound');
    assert.equal(stream.of('start').length, 1);
    await until('GET shows it', async () => (await ask('GET', scene, name)).body.track === 'outbound');
    await scene.hangUp();
  });

  it('PATCH url: the new socket is open before the old one closes; one that cannot be opened changes nothing', async () => {
    const { scene, name, stream } = await tapped('/old');
    await ask('PATCH', scene, name, { url: 'ws://127.0.0.1:1/' });
    await stage.system.event(scene.sid, 'stream.warning', 15_000);
    await media(stream);
    const shown = (await ask('GET', scene, name)).body;
    assert.deepEqual([shown.status, shown.error.code], ['in-progress', 31_902]);
    await ask('PATCH', scene, name, { url: url('/new') });
    const moved = await stage.app.stream('/new');
    await media(moved);
    await stream.closed();
    assert.deepEqual([stream.messages.at(-1).stop.reason, stream.closeCode], ['moved', 1000]);
    assert.equal(moved.of('start')[0].start.reconnected, true);
    const last = Number(stream.of('media').at(-1).media.timestamp);
    assert.equal(Number(moved.of('media')[0].media.timestamp), last + 20, 'nothing is missing');
    await scene.hangUp();
  });

  it('DELETE stops it, again without harm, and the call goes on', async () => {
    const { scene, name, stream } = await tapped('/gone');
    assert.equal((await ask('DELETE', scene, name)).status, 200);
    await stream.closed();
    assert.equal(stream.messages.at(-1).stop.reason, 'api');
    await until('it is written', async () => (await ask('GET', scene, name)).body.status === 'stopped');
    const again = await ask('DELETE', scene, name);
    assert.deepEqual([again.status, again.body.reason], [200, 'api']);
    assert.equal((await stage.system.api('GET', `/calls/${scene.sid}`)).body.status, 'in-progress');
    await scene.hangUp();
  });

  it("AC-54, AC-56, AC-86: Twilio's routes start and stop: the app receives its parameters, media and stop", async () => {
    const scene = await stage.call(PAUSE);
    const { ACCOUNT_SID, AUTH_TOKEN } = stage.system.stack.account;
    const streams = `/2010-04-01/Accounts/${ACCOUNT_SID}/Calls/${scene.sid}/Streams`;
    const post = async (route: string, form: Record<string, string>) => {
      const authorization = `Basic ${Buffer.from(`${ACCOUNT_SID}:${AUTH_TOKEN}`).toString('base64')}`;
      const body = new URLSearchParams(form);
      const signal = AbortSignal.timeout(10_000);
      const address = `${stage.system.stack.apiUrls[0]}${route}`;
      const answer = await fetch(address, { method: 'POST', headers: { authorization }, body, signal });
      return { status: answer.status, body: twilioStream.parse(await answer.json()) };
    };
    const parameters = { 'Parameter1.Name': 'room', 'Parameter1.Value': 'blue', 'Parameter99.Name': 'last' };
    const created = await post(`${streams}.json`, { Url: url('/compat'), Name: 'compat', ...parameters });
    assert.equal(created.status, 201);
    const stream = await stage.app.stream('/compat');
    await media(stream);
    const { start } = stream.of('start')[0];
    assert.deepEqual(start.customParameters, { room: 'blue', last: '' });
    assert.equal(start.mediaFormat.encoding, 'audio/x-mulaw');
    assert.equal(start.streamSid, created.body.sid);
    const stopped = await post(`${streams}/compat.json`, { Status: 'stopped' });
    assert.deepEqual([stopped.status, stopped.body.sid, stopped.body.status], [200, created.body.sid, 'stopped']);
    await stream.closed();
    assert.equal(stream.messages.at(-1).event, 'stop');
    await until('it is written', async () => (await ask('GET', scene, 'compat')).body.status === 'stopped');

    const { name, stream: ours } = await tappedOn(scene, '/ours');
    assert.equal((await post(`${streams}/${name}.json`, { Status: 'stopped' })).status, 200);
    await ours.closed();
    assert.equal(ours.messages.at(-1).stop.reason, 'api');
    assert.equal((await stage.system.api('GET', `/calls/${scene.sid}`)).body.status, 'in-progress');
    await scene.hangUp();
  });

  for (const dialect of ['pivot', 'twilio'] as const) {
    it(`DELETE of a two-way ${dialect} stream ${dialect === 'pivot' ? 'ends the call' : 'lets the next verb run'}`, async () => {
      const path = `/two-way-${dialect}`;
      const scene: Scene = await stage.call(
        `<Connect><Stream name="two" url="${url(path)}" dialect="${dialect}"/></Connect><Play digits="9"/>${PAUSE}`,
      );
      const stream = await stage.app.stream(path);
      await media(stream);
      if (dialect === 'twilio') {
        const refused = await ask('PATCH', scene, 'two', { track: 'both' });
        assert.deepEqual([refused.status, refused.body.errors[0].code], [422, '31941']);
      }
      assert.equal((await ask('DELETE', scene, 'two')).status, 200);
      await stream.closed();
      assert.equal(stream.messages.at(-1).stop.reason, 'api');
      if (dialect === 'twilio') {
        await until('the next verb', () => scene.phone.digits === '9');
        await scene.hangUp();
      } else {
        assert.equal((await stage.system.ended(scene.sid)).ending.cause, 'stream_ended');
      }
    });
  }

  it('what is not there, not yet or no longer there is 404, 409 and 410; what cannot be is 422', async () => {
    const nobody = { sid: `CA${'0'.repeat(32)}` };
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
      const body = method === 'PUT' ? { url: url('/x') } : method === 'PATCH' ? { paused: true } : undefined;
      const answer = await ask(method, nobody, 'x', body);
      assert.deepEqual([answer.status, answer.body.code], [404, 'call_not_found'], method);
    }
    const { scene, name } = await tapped('/refusals');
    for (const method of ['GET', 'PATCH', 'DELETE']) {
      const answer = await ask(method, scene, 'nope', method === 'PATCH' ? { paused: true } : undefined);
      assert.deepEqual([answer.status, answer.body.code], [404, 'stream_not_found'], method);
    }
    for (const body of [{}, { track: 'sideways' }, { url: 'http://h/' }, { paused: 'yes' }, { volume: 3 }]) {
      assert.equal((await ask('PATCH', scene, name, body)).status, 422, JSON.stringify(body));
    }
    const badUrl = await ask('PUT', scene, 'y', { url: 'http://h/' });
    assert.deepEqual([badUrl.status, badUrl.body.errors[0].message], [422, 'invalid websocket url']);
    await scene.hangUp();
    const late = await ask('PUT', scene, 'late', { url: url('/x') });
    assert.deepEqual([late.status, late.body.code], [410, 'call_ended']);
    assert.equal((await ask('DELETE', scene, name)).status, 200, 'a stop of what has stopped is no failure');
    const ringing = await stage.ringing();
    const early = await ask('PUT', { sid: ringing.sid }, 'early', { url: url('/x') });
    assert.deepEqual([early.status, early.body.code], [409, 'call_not_in_progress']);
    ringing.phone.reject(486, 'Busy Here');
    await stage.system.ended(ringing.sid);
  });
});
