/** Streams on a real call: started by document and by API, limits, live control, and their end. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { App } from '../support/app.ts';
import { suiteOwner } from '../support/suite.ts';
import { type System, startSystem } from '../support/system.ts';

const ECHO = '+15550100002';

describe('streams on a call', () => {
  const owner = suiteOwner();
  let system: System;
  let app: App;
  before(async () => {
    system = await startSystem(owner);
    app = await App.start(owner);
  });

  it('AC-10, AC-11, AC-12, AC-13, AC-15: one-way JSON from connected to stop, 20 ms a message', async () => {
    const sid = await system.call({
      to: ECHO,
      twiml: `<Response><Start><Stream name="one" url="${app.wsUrl('/one')}"/></Start><Say>Hello there, this is a stream.</Say></Response>`,
    });
    const stream = await app.stream('/one');
    await stream.closed();
    const call = await system.ended(sid);
    assert.equal(call.status, 'completed');
    const events = stream.messages.map((message) => message.event);
    assert.deepEqual(events.slice(0, 2), ['connected', 'start']);
    assert.equal(events.at(-1), 'stop');
    const start = stream.messages[1];
    assert.equal(start.start.callSid, sid);
    assert.deepEqual(start.start.mediaFormat, {
      ...start.start.mediaFormat,
      encoding: 'audio/L16',
      sampleRate: 8000,
      channels: 1,
    });
    stream.messages.slice(1).forEach((message, index) => {
      assert.equal(message.sequenceNumber, String(index + 1));
    });
    const media = stream.of('media');
    assert.ok(media.length > 50, `${media.length} media messages`);
    media.forEach((message, index) => {
      assert.equal(message.media.chunk, String(index + 1));
      assert.equal(Number(message.media.timestamp) - Number(media[0].media.timestamp), index * 20);
      assert.equal(Buffer.from(message.media.payload, 'base64').length, 320);
    });
    assert.equal(stream.closeCode, 1000);
  });

  it('AC-1: a document that only starts a stream opens the socket and ends the call with a stop', async () => {
    const sid = await system.call({
      to: ECHO,
      twiml: `<Response><Start><Stream url="${app.wsUrl('/only')}"/></Start></Response>`,
    });
    const stream = await app.stream('/only');
    await stream.closed();
    assert.equal(stream.messages.at(-1).event, 'stop');
    assert.equal((await system.ended(sid)).status, 'completed');
  });

  it('AC-16: a raw stream is binary from the first frame to the last', async () => {
    const sid = await system.call({
      to: ECHO,
      twiml: `<Response><Start><Stream url="${app.wsUrl('/raw')}" rawAudio="true"/></Start><Say>Bare audio.</Say></Response>`,
    });
    const stream = await app.stream('/raw');
    await stream.closed();
    await system.ended(sid);
    assert.equal(stream.messages.length, 0);
    assert.ok(stream.binary.length > 20);
    assert.ok(stream.binary.every((frame) => frame.length === 320));
  });

  it('AC-27, AC-87: four streams run; the fifth is refused in the same words by API and by document', async () => {
    const starts = ['a', 'b', 'c', 'd', 'e'].map(
      (name) => `<Start><Stream name="${name}" url="${app.wsUrl(`/limit-${name}`)}"/></Start>`,
    );
    const sid = await system.call({ to: ECHO, twiml: `<Response>${starts.join('')}<Pause length="60"/></Response>` });
    for (const name of ['a', 'b', 'c', 'd']) {
      await (await app.stream(`/limit-${name}`)).until('media', (seen) => seen.of('media').length > 0);
    }
    const refusal = await system.event(sid, 'stream.failed');
    for (const name of ['a', 'b', 'c', 'd']) {
      await system.event(sid, (event) => event.type === 'stream.started' && event['name'] === name);
    }
    const answer = await system.api('PUT', `/calls/${sid}/streams/f`, { url: app.wsUrl('/limit-f') });
    assert.equal(answer.status, 409);
    assert.equal(answer.body.code, 'stream_limit');
    assert.equal(answer.body.detail, refusal['detail']);
    assert.equal(answer.body.detail, 'max unidirectional limit reached');

    const live = await system.api('GET', `/calls/${sid}/streams`);
    const inProgress = live.body.items.filter((stream: { status: string }) => stream.status === 'in-progress');
    assert.equal(inProgress.length, 4);
    assert.equal((await system.api('POST', `/calls/${sid}`, { status: 'completed' })).status, 200);
    await system.ended(sid);
  });

  it('starts, pauses, resumes and stops a stream by API while the document goes on', async () => {
    const sid = await system.call({ to: ECHO, twiml: '<Response><Pause length="60"/></Response>' });
    await system.event(sid, (event) => event.type === 'verb.started' && event['verb'] === 'Pause');
    const route = `/calls/${sid}/streams/tap`;
    const body = { url: app.wsUrl('/tap'), parameters: { ticket: 'K-204' } };
    const started = await system.api('PUT', route, body);
    assert.equal(started.status, 201, JSON.stringify(started.body));
    assert.equal((await system.api('PUT', route, body)).status, 200);
    const taken = await system.api('PUT', route, { ...body, track: 'both_tracks' });
    assert.deepEqual([taken.status, taken.body.code], [409, 'stream_name_taken']);

    const stream = await app.stream('/tap');
    await stream.until('media', (seen) => seen.of('media').length > 5);
    assert.deepEqual(stream.of('start')[0].start.customParameters, { ticket: 'K-204' });
    assert.equal((await system.api('PATCH', route, { paused: true })).status, 200);
    await system.event(sid, 'stream.paused');
    const atPause = stream.of('media').length;
    assert.equal((await system.api('PATCH', route, { paused: false })).status, 200);
    await stream.until('media after the pause', (seen) => seen.of('media').length > atPause + 5);

    const stopped = await system.api('DELETE', route);
    assert.equal(stopped.status, 200);
    await stream.closed();
    assert.equal(stream.messages.at(-1).event, 'stop');
    assert.equal((await system.api('DELETE', route)).status, 200);
    assert.equal((await system.api('GET', `/calls/${sid}`)).body.status, 'in-progress');
    await system.api('POST', `/calls/${sid}`, { status: 'completed' });
    await system.ended(sid);
  });

  it('AC-43, AC-88: media, mark and clear on a two-way stream; what was heard is counted to the frame', async () => {
    const sid = await system.call({
      to: ECHO,
      twiml: `<Response><Connect><Stream url="${app.wsUrl('/two-way')}" dialect="twilio" playbackEvents="true"/></Connect></Response>`,
    });
    const stream = await app.stream('/two-way');
    await stream.until('media', (seen) => seen.of('media').length > 0);
    const { streamSid } = stream.of('start')[0];
    const tone = Buffer.alloc(16_000, 0);
    for (let i = 0; i < tone.length; i++) tone[i] = Math.floor(i / 4) % 2 === 0 ? 0x20 : 0xa0;
    stream.send({ event: 'media', streamSid, media: { payload: tone.toString('base64') } });
    stream.send({ event: 'mark', streamSid, mark: { name: 'end' } });
    const from = stream.of('media').length;
    await stream.until('half a second', (seen) => seen.of('media').length >= from + 25);
    stream.send({ event: 'clear', streamSid });
    await stream.until(
      'the mark and the answer',
      (seen) => seen.of('mark').length > 0 && seen.of('cleared').length > 0,
    );
    const { cleared } = stream.of('cleared')[0];
    assert.ok(cleared.playedMs >= 400 && cleared.playedMs <= 700, `played ${cleared.playedMs} ms`);
    assert.ok(Math.abs(cleared.playedMs + cleared.droppedMs - 2000) <= 20, JSON.stringify(cleared));
    assert.deepEqual(cleared.marks, ['end']);
    assert.equal(stream.of('mark')[0].mark.cleared, true);
    stream.socket.close();
    assert.equal((await system.ended(sid)).status, 'completed');
  });
});
