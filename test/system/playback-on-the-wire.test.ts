/**
 * What an app says over a real socket, as the RTP packets that reach the phone: nothing of it is decoded, concealed or
 * put in order again before it is looked at. And what of it is not taken, with the words for that.
 */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { StreamSeen } from '../support/app.ts';
import { fromMulaw, RATE, toMulaw } from '../support/ears.ts';
import type { RtpProbe } from '../support/rtp-probe.ts';
import { tap } from '../support/rtp-tap.ts';
import { type Scene, Stage, until } from '../support/scene.ts';
import { suiteOwner } from '../support/suite.ts';
import { sine, toneLevel } from '../support/tone.ts';
import { wavOf } from '../support/wav-samples.ts';

const SILENCE = 0xff;
const PER_MS = RATE / 1000;
const FADE_MS = 5;
const FRAME = 160;

interface Talk {
  readonly scene: Scene;
  readonly stream: StreamSeen;
  readonly say: (message: object) => void;
}

/** Without the silence around it. */
function trimmed(payload: Buffer): Buffer {
  const from = payload.findIndex((byte) => byte !== SILENCE);
  const to = payload.findLastIndex((byte) => byte !== SILENCE);
  return from < 0 ? Buffer.alloc(0) : payload.subarray(from, to + 1);
}

describe('what an app says, on the wire', () => {
  const owner = suiteOwner();
  let stage: Stage;
  let count = 0;
  before(async () => {
    stage = await Stage.open(owner);
  });

  const connect = (path: string, attributes: string): string =>
    `<Connect><Stream url="${stage.app.wsUrl(path)}" name="${path.slice(1)}" ${attributes}/></Connect>`;

  async function talk(attributes = 'dialect="twilio" playbackEvents="true"'): Promise<Talk> {
    count += 1;
    const path = `/talk-${count}`;
    const scene = await stage.call(connect(path, attributes));
    const stream = await stage.app.stream(path);
    await stream.until('media', (seen) => seen.of('media').length > 2);
    const { streamSid } = stream.of('start')[0];
    return { scene, stream, say: (message) => stream.send({ streamSid, ...message }) };
  }

  const media = (bytes: Uint8Array, format?: object): object => ({
    event: 'media',
    media: { payload: Buffer.from(bytes).toString('base64'), ...(format === undefined ? {} : { format }) },
  });
  /** All that is said meanwhile goes out as one piece of TCP. */
  const atOnce = ({ stream: { upgrade } }: Talk, saying: () => void): void => {
    upgrade.socket.cork();
    saying();
    upgrade.socket.uncork();
  };
  const mark = (name: string): object => ({ event: 'mark', mark: { name } });
  const markBack = (stream: StreamSeen, name: string): Promise<void> =>
    stream.until(`mark ${name}`, (seen) => seen.of('mark').some((message) => message.mark.name === name));

  /** A few packets more: a mark may be faster than the sound before it. */
  const later = (probe: RtpProbe): Promise<void> => {
    const had = probe.count;
    return until('more packets', () => probe.count > had + 5);
  };

  /** The payloads from the n-th packet on, in the order of their numbers, none of which is missing. */
  async function payloads(probe: RtpProbe, from: number): Promise<Buffer> {
    const packets = (await probe.received(probe.count)).slice(from).filter(({ header }) => header.payloadType === 0);
    for (const [index, { header }] of packets.entries()) {
      const before = packets[index - 1]?.header.sequence ?? header.sequence - 1;
      assert.equal(header.sequence, (before + 1) & 0xffff);
    }
    return Buffer.concat(packets.map(({ payload }) => payload));
  }

  it('AC-89: a WAV in pieces of 1, 7, 160, 4,096 and 100,000 bytes is the same RTP, bit by bit', async () => {
    const call = await talk('dialect="pivot"');
    const probe = await tap(owner, call.scene.phone);
    const file = wavOf(sine(440, 300, 24_000, 0.35), 24_000);
    const heard: Buffer[] = [];
    for (const size of [1, 7, 160, 4096, 100_000]) {
      const from = probe.count;
      for (let at = 0; at < file.length; at += size) {
        call.say(media(file.subarray(at, at + size), at === 0 ? { encoding: 'audio/wav' } : undefined));
      }
      call.say(mark(`${size}`));
      await markBack(call.stream, `${size}`);
      await later(probe);
      heard.push(trimmed(await payloads(probe, from)));
    }
    const [first = Buffer.alloc(0)] = heard;
    assert.ok(Math.abs(first.length - 300 * PER_MS) < 10 * PER_MS, `${first.length} bytes`);
    assert.ok(toneLevel(fromMulaw(first), 440, RATE) > 0.3);
    for (const other of heard) assert.ok(other.equals(first));
    await call.scene.hangUp();
  });

  it('AC-89: so is bare µ-law in pieces of 7, 160, 4,096 and 100,000 bytes, and it is what the app sent', async () => {
    const call = await talk();
    const probe = await tap(owner, call.scene.phone);
    const sound = Buffer.from(toMulaw(sine(440, 1000, RATE, 0.35))).map((byte) => (byte === SILENCE ? 0xfe : byte));
    for (const size of [7, 160, 4096, 100_000]) {
      const from = probe.count;
      atOnce(call, () => {
        for (let at = 0; at < sound.length; at += size) call.say(media(sound.subarray(at, at + size)));
        call.say(mark(`${size}`));
      });
      await markBack(call.stream, `${size}`);
      await later(probe);
      const heard = trimmed(await payloads(probe, from));
      assert.ok(heard.equals(sound), `in pieces of ${size}: ${heard.length} bytes of ${sound.length}`);
    }
    await call.scene.hangUp();
  });

  it('AC-43: clear with 30 s queued and 500 messages behind it in the socket is silence within a frame, and no click', async () => {
    const call = await talk();
    const probe = await tap(owner, call.scene.phone);
    const loud = toMulaw(new Int16Array(1000 * PER_MS).fill(9000));
    const behind = toMulaw(sine(440, 10_000, RATE, 0.1));
    const from = probe.count;
    for (let second = 0; second < 30; second++) {
      call.say(media(loud));
      call.say(mark(`${second}`));
    }
    await markBack(call.stream, '0');
    atOnce(call, () => {
      call.say({ event: 'clear' });
      for (let at = 0; at < behind.length; at += 160) call.say(media(behind.subarray(at, at + 160)));
    });
    await call.stream.until('the answer', (seen) => seen.of('cleared').length === 1);
    await later(probe);
    call.say({ event: 'clear' });
    await call.stream.until('the second answer', (seen) => seen.of('cleared').length === 2);

    const [{ cleared }] = call.stream.of('cleared') as [
      { cleared: { playedMs: number; droppedMs: number; marks: string[] } },
    ];
    const samples = fromMulaw(await payloads(probe, from));
    const isLoud = (sample: number): boolean => Math.abs(sample - 9000) < 300;
    const begun = samples.findIndex(isLoud);
    // The frame after the last loud one.
    const gone = Math.round((samples.findLastIndex(isLoud) + 1) / FRAME) * FRAME;
    const playedMs = (gone - begun) / PER_MS;
    assert.ok(Math.abs(playedMs - cleared.playedMs) <= 20, `${playedMs} ms in RTP, ${cleared.playedMs} told`);
    assert.equal(cleared.playedMs + cleared.droppedMs, 30_000);
    assert.ok(samples.subarray(begun, gone).every(isLoud), 'nothing else before it');
    // What was behind the clear is heard from its first sample on; over that the old sound fades, in small steps.
    const next = fromMulaw(behind);
    let last = 9000;
    for (let at = 0; at < FRAME; at++) {
      const left = (samples[gone + at] ?? 0) - (next[at] ?? 0);
      if (at >= FADE_MS * PER_MS) assert.equal(left, 0, `${at} samples after the clear`);
      else assert.ok(last - left > -300 && last - left < 700, `a click: from ${last} to ${left}`);
      last = left;
    }
    const names = call.stream.of('mark').map((message) => message.mark.name);
    assert.deepEqual(
      names,
      Array.from({ length: 30 }, (_, second) => `${second}`),
    );
    assert.deepEqual(cleared.marks, names.slice(-cleared.marks.length));
    await call.scene.hangUp();
  });

  const warnings = async ({ scene }: Talk, code: number): Promise<string[]> =>
    (await stage.system.events(scene.sid))
      .filter((event) => event.type === 'stream.warning' && event['code'] === code)
      .map((event) => String(event['detail']));

  it('AC-46, AC-47: what is no message of ours, or for another stream, is not played, told once, and harms nothing', async () => {
    const call = await talk();
    const loud = media(toMulaw(sine(1000, 500, RATE, 0.35)));
    for (let turn = 0; turn < 40; turn++) call.say({ event: 'dance' });
    for (let turn = 0; turn < 5; turn++) {
      call.say({ ...loud, streamSid: `MZ${'0'.repeat(32)}` });
      call.say({ ...loud, streamSid: undefined });
    }
    call.say(mark('nothing'));
    await markBack(call.stream, 'nothing');
    assert.equal(call.stream.of('mark')[0].mark.playedMs, 0);
    const had = call.stream.of('media').length;
    await call.stream.until('half a second', (seen) => seen.of('media').length > had + 25);
    assert.equal(toneLevel(call.scene.heard.samples(), 1000, RATE) < 0.001, true, 'nothing is heard');
    const told = await warnings(call, 31_951);
    assert.equal(told.filter((detail) => detail.includes('dance')).length, 1);
    assert.equal(told.length, 3, told.join('\n'));
    call.say(loud);
    call.say(mark('heard'));
    await markBack(call.stream, 'heard');
    assert.equal(call.stream.of('mark').at(-1).mark.playedMs, 500);
    await call.scene.hangUp();
  });

  it('AC-48: of eleven minutes pushed at once ten wait, the rest is dropped, and that is said once', async () => {
    const call = await talk();
    const minute = (hertz: number): object => media(toMulaw(sine(hertz, 60_000, RATE, 0.35)));
    for (let turn = 0; turn < 11; turn++) call.say(minute(turn === 0 ? 500 : 900));
    call.say({ event: 'status' });
    await call.stream.until('the answer', (seen) => seen.of('status').length === 1);
    const { bufferedMs, playedMs, droppedMs } = call.stream.of('status')[0].status;
    assert.equal(bufferedMs + playedMs + droppedMs, 660_000);
    assert.ok(bufferedMs <= 600_000 && bufferedMs > 599_000 - playedMs, `${bufferedMs} ms`);
    assert.deepEqual(await until('the warning', async () => (await warnings(call, 31_931)).length > 0), undefined);
    assert.equal((await warnings(call, 31_931)).length, 1);
    await until('the first minute', () => toneLevel(call.scene.heard.samples().subarray(-RATE / 2), 500, RATE) > 0.3);
    call.say({ event: 'clear' });
    await call.stream.until('the answer to clear', (seen) => seen.of('cleared').length === 1);
    await call.scene.hangUp();
  });

  it('AC-28: a second two-way stream is refused in words; the first goes on', async () => {
    const status = `statusCallback="${stage.app.url('/status')}"`;
    const [first, second] = ['/first', '/second'].map(
      (path) => `<Stream url="${stage.app.wsUrl(path)}" name="${path.slice(1)}" ${status}/>`,
    );
    const scene = await stage.call(`<Connect>${first}${second}</Connect>`);
    const stream = await stage.app.stream('/first');
    const failed = await stage.system.event(scene.sid, 'stream.failed');
    assert.deepEqual(
      [failed['name'], failed['code'], failed['detail']],
      ['second', 31_960, 'max bidirectional limit reached'],
    );
    await until('the webhook', () => stage.told('/account', scene.sid).some((fields) => fields['reason'] === 'error'));
    const told = stage.told('/account', scene.sid).find((fields) => fields['reason'] === 'error');
    assert.deepEqual([told?.['stream_name'], told?.['error_message']], ['second', 'max bidirectional limit reached']);
    await until('the callback', () => stage.told('/status', scene.sid).some((fields) => 'StreamError' in fields));
    await stream.until('it goes on', (seen) => seen.of('media').length > 25);
    assert.equal(stage.app.streams.filter(({ path }) => path === '/second').length, 0);
    stream.socket.close();
    assert.equal((await stage.system.ended(scene.sid)).ending.cause, 'stream_ended');
  });

  it('AC-39: a Parameter of 500 characters is refused with a warning, one of 499 arrives', async () => {
    const parameters = `<Parameter name="long" value="${'x'.repeat(496)}"/><Parameter name="good" value="${'y'.repeat(495)}"/>`;
    const scene = await stage.call(
      `<Start><Stream url="${stage.app.wsUrl('/parameters')}">${parameters}</Stream></Start><Pause length="60"/>`,
    );
    const stream = await stage.app.stream('/parameters');
    await stream.until('start', (seen) => seen.of('start').length === 1);
    assert.deepEqual(stream.of('start')[0].start.customParameters, { good: 'y'.repeat(495) });
    const warning = await stage.system.event(scene.sid, 'document.warning');
    assert.match(String(warning['detail']), /shorter than 500/);
    await scene.hangUp();
  });
});
