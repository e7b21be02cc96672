/**
 * What apps hear on real calls: real sockets, real RTP, and the ways in which an application, or a phone, fails. That
 * the rest is untouched is shown by bytes: streams of one format that a document opened together have the same audio at
 * the same time stamp.
 */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { systemClock } from '../../shared/kernel/clock.ts';
import { pause } from '../../shared/kernel/deadline.ts';
import type { StreamMessage, StreamSeen } from '../support/app.ts';
import { RATE, toMulaw } from '../support/ears.ts';
import { ListenerProcess } from '../support/listener-process.ts';
import { RtpProbe } from '../support/rtp-probe.ts';
import { type Scene, Stage, until } from '../support/scene.ts';
import { suiteOwner } from '../support/suite.ts';
import { sine, toneLevel } from '../support/tone.ts';
import { wavOf } from '../support/wav-samples.ts';

const PAUSE = '<Pause length="120"/>';
const FRAME_MS = 20;

const timestamps = (messages: readonly StreamMessage[]): number[] =>
  messages.map(({ media }) => Number(media.timestamp));
const beats = (from: number, to: number): number[] =>
  Array.from({ length: (to - from) / FRAME_MS }, (_, at) => from + at * FRAME_MS);

/** Every frame by its time stamp. @throws when one comes twice */
function byTime(messages: readonly StreamMessage[]): ReadonlyMap<number, string> {
  const frames = new Map<number, string>();
  for (const { media } of messages) {
    assert.ok(!frames.has(Number(media.timestamp)), `${media.timestamp} comes twice`);
    frames.set(Number(media.timestamp), media.payload);
  }
  return frames;
}

/** No frame is missing from the first to the last, and the first is at the answer. */
function assertContinuous(stream: StreamSeen, track?: string): void {
  const media = stream.of('media').filter((message) => track === undefined || message.media.track === track);
  assert.deepEqual(timestamps(media), beats(0, media.length * FRAME_MS));
}

/** The same audio at the same time, as far as both have it; how much that is. */
function sameFrames(one: readonly StreamMessage[], other: readonly StreamMessage[]): number {
  const [frames, others] = [byTime(one), byTime(other)];
  let same = 0;
  for (const [at, payload] of frames) {
    const twin = others.get(at);
    if (twin === undefined) continue;
    assert.ok(twin === payload, `the audio at ${at} ms differs`);
    same += 1;
  }
  return same;
}

describe('what apps hear on the wire', () => {
  const owner = suiteOwner();
  let stage: Stage;
  const url = (path: string): string => stage.app.wsUrl(path);
  const stream = (path: string, attributes = ''): string =>
    `<Stream url="${url(path)}" name="${path.slice(1)}" ${attributes}/>`;
  const frames = (seen: StreamSeen, more: number): Promise<void> => {
    const wanted = seen.of('media').length + more;
    return seen.until(`${more} frames`, () => seen.of('media').length >= wanted);
  };
  /** The phone says something that never repeats. */
  const speak = (scene: Scene, ms: number): void => {
    const sweep = Int16Array.from({ length: ms * 8 }, (_, at) => Math.round(9000 * Math.sin(at * (0.2 + at / 2e6))));
    void scene.phone.play(sweep);
  };
  const shown = async (scene: Scene, name: string) =>
    (await stage.system.api('GET', `/calls/${scene.sid}/streams/${name}`)).body;

  before(async () => {
    stage = await Stage.open(owner);
  });

  it('AC-41: both tracks of a twilio stream take turns, a message of 160 bytes each', async () => {
    const scene = await stage.call(`<Start>${stream('/turns', 'track="both_tracks"')}</Start>${PAUSE}`, {
      dialect: 'twilio',
    });
    const seen = await stage.app.stream('/turns');
    await frames(seen, 100);
    await scene.hangUp();
    await seen.closed();
    const media = seen.of('media').map((message) => message.media);
    const pairs = Math.floor(media.length / 2);
    for (let pair = 0; pair < pairs; pair++) {
      const [one, other] = media.slice(2 * pair, 2 * pair + 2);
      assert.deepEqual([one.track, other.track], ['inbound', 'outbound']);
      assert.equal(one.timestamp, other.timestamp);
      assert.deepEqual([one.chunk, other.chunk], [String(pair + 1), String(pair + 1)]);
    }
    for (const { payload } of media) assert.equal(Buffer.from(payload, 'base64').length, 160);
    for (const track of ['inbound', 'outbound']) assertContinuous(seen, track);
  });

  it('AC-83: what we play is left and only there, what the phone says right and only there', async () => {
    stage.app.page('/tone.wav', () => ({ status: 200, type: 'audio/wav', body: wavOf(sine(1000, 3000, RATE), RATE) }));
    const stereo = 'audioCodec="pcm" sampleRate="16000" audioMix="stereo" track="both_tracks"';
    const scene = await stage.call(
      `<Start>${stream('/stereo', stereo)}</Start><Play>${stage.app.url('/tone.wav')}</Play>${PAUSE}`,
    );
    void scene.phone.play(sine(700, 4000, RATE, 0.35));
    const seen = await stage.app.stream('/stereo');
    await stage.system.event(scene.sid, (event) => event.type === 'verb.ended' && event['verb'] === 'Play');
    const bytes = seen.audio();
    const samples = new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    const channel = (which: 0 | 1): Int16Array => samples.filter((_, at) => at % 2 === which).slice(-24_000, -8000);
    const level = (which: 0 | 1, hertz: number): number => toneLevel(channel(which), hertz, 16_000);
    assert.deepEqual(seen.of('media')[0].media.track, 'both');
    assert.ok(level(0, 1000) > 0.4, `left 1000 Hz at ${level(0, 1000)}`);
    assert.ok(level(0, 700) < 0.002, `left 700 Hz at ${level(0, 700)}`);
    assert.ok(level(1, 700) > 0.3, `right 700 Hz at ${level(1, 700)}`);
    assert.ok(level(1, 1000) < 0.002, `right 1000 Hz at ${level(1, 1000)}`);
    await scene.hangUp();
  });

  it('AC-91: the process of the app is killed and started again: a new start, what it missed, live; no sample is missing', async () => {
    const listener = await ListenerProcess.make(owner);
    await listener.start(60);
    const again = `<Stream url="${listener.url}" name="again" reconnect="10"/>`;
    const scene = await stage.call(`<Start>${again}${stream('/beside')}</Start>${PAUSE}`);
    const beside = await stage.app.stream('/beside');
    speak(scene, 20_000);
    await listener.died(10_000);
    await until('it is missed', async () => (await shown(scene, 'again')).status === 'reconnecting');
    await frames(beside, 75);
    await listener.start();
    await stage.system.event(scene.sid, 'stream.reconnected');
    await frames(beside, 100);
    const { counters } = await shown(scene, 'again');
    await scene.hangUp();
    await beside.closed();
    await until('stop', () => listener.messages.at(-1).event === 'stop');

    const starts = listener.messages.filter(({ event }) => event === 'start');
    assert.deepEqual(
      starts.map(({ start }) => start.reconnected),
      [undefined, true],
    );
    const media = listener.messages.filter(({ event }) => event === 'media');
    assert.deepEqual(timestamps(media), beats(0, media.length * FRAME_MS));
    const restart = listener.messages.findLastIndex(({ event }) => event === 'start');
    const before = listener.messages.slice(0, restart).filter(({ event }) => event === 'media');
    assert.ok(before.length >= 60 && before.length < media.length - 100);
    const first = listener.messages[restart + 1];
    assert.equal(Number(first.media.timestamp), before.length * FRAME_MS, 'first what it missed');
    assert.ok(sameFrames(media, beside.of('media')) >= media.length - 1, 'sample for sample what another app heard');
    assert.ok(new Set(media.map((message) => message.media.payload)).size > 200, 'it is sound');
    assert.deepEqual([counters.reconnects, counters.framesDropped], [1, 0]);
  });

  it('AC-92: one of four streams is killed, stopped, stalled and closed: the other three are the same, bit by bit', async () => {
    const others = ['/one', '/two', '/three'];
    const scene = await stage.call(
      `<Start>${others.map((path) => stream(path)).join('')}${stream('/victim')}</Start>${PAUSE}`,
    );
    speak(scene, 30_000);
    const [one, two, three] = await Promise.all(others.map((path) => stage.app.stream(path)));
    assert.ok(one && two && three);
    let victim = await stage.app.stream('/victim');
    const disturbances: readonly ((seen: StreamSeen) => void)[] = [
      ({ socket }) => socket.terminate(),
      () => void stage.system.api('DELETE', `/calls/${scene.sid}/streams/victim`),
      ({ socket }) => socket.pause(),
      ({ socket }) => socket.close(4000),
    ];
    for (const [turn, disturb] of disturbances.entries()) {
      await frames(victim, 20);
      disturb(victim);
      await frames(one, 40);
      if (turn === disturbances.length - 1) break;
      if (victim.socket.isPaused) victim.socket.terminate();
      await until('it has ended', async () => ['stopped', 'failed'].includes((await shown(scene, 'victim')).status));
      const answer = await stage.system.api('PUT', `/calls/${scene.sid}/streams/victim`, { url: url('/victim') });
      assert.equal(answer.status, 201, JSON.stringify(answer.body));
      victim = await stage.app.next('/victim', victim);
    }
    await scene.hangUp();
    for (const seen of [one, two, three]) {
      await seen.closed();
      assertContinuous(seen);
    }
    const media = one.of('media');
    assert.ok(media.length > 200);
    for (const seen of [two, three]) assert.ok(sameFrames(media, seen.of('media')) >= media.length - 1);
    assert.equal((await stage.system.api('GET', `/calls/${scene.sid}`)).body.ending.cause, 'far_hangup');
  });

  it('AC-93: fifty frames a second whatever RTP does: hold, loss, reordering, doubles, another SSRC, and nothing at all', async () => {
    const scene = await stage.call(`<Start>${stream('/steady')}</Start>${PAUSE}`);
    const seen = await stage.app.stream('/steady');
    await frames(seen, 20);
    const from = { atMs: systemClock.monotonic(), frames: seen.of('media').length };
    scene.phone.hold();
    await stage.system.event(scene.sid, 'media.held');
    await frames(seen, 25);
    scene.phone.resume();
    await stage.system.event(scene.sid, 'media.resumed');
    const port = scene.phone.media.agreement?.remote.port ?? 0;
    const probe = await RtpProbe.open();
    owner.after(() => probe.close());
    scene.phone.move(probe.address.address, probe.address.port);
    await until('RTP for the new address', () => probe.count > 5);
    await misbehave(probe, port);
    await frames(seen, 25);
    const elapsedMs = systemClock.monotonic() - from.atMs;
    const madeMs = (seen.of('media').length - from.frames) * FRAME_MS;
    await scene.hangUp();
    await seen.closed();
    assertContinuous(seen);
    assert.ok(Math.abs(madeMs - elapsedMs) < 400, `${madeMs} ms of audio in ${elapsedMs} ms`);
    const bytes = seen.audio().subarray(-25 * 320 - 2 * 16_000);
    const samples = new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    assert.ok(toneLevel(samples, 700, RATE) > 0.02, 'it is heard through all that');
  });

  /** Two seconds of a tone, spoilt in every way; then a second of nothing. */
  async function misbehave(probe: RtpProbe, port: number): Promise<void> {
    const tone = toMulaw(sine(700, 2000, RATE, 0.35));
    const begun = systemClock.monotonic();
    for (let index = 0; index < 100; index++) {
      const payload = tone.subarray(index * 160, (index + 1) * 160);
      const packet = { sequence: (65_500 + index) & 0xffff, timestamp: index * 160, payload, ssrc: index < 50 ? 1 : 2 };
      const lost = index % 10 < 3;
      if (!lost) await probe.send(port, packet);
      if (index % 10 === 5) await probe.send(port, packet);
      if (index % 10 === 9) await probe.send(port, { ...packet, sequence: (packet.sequence - 2) & 0xffff });
      await pause(systemClock, Math.max(0, begun + (index + 1) * FRAME_MS - systemClock.monotonic()));
    }
    await pause(systemClock, 1000);
  }
});
