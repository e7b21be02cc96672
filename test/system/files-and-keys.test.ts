/** Files a Pivot app plays, of every kind and cut anywhere; and keys towards the phone, by every way there is. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { toMulaw } from '../support/ears.ts';
import { type Scene, Stage, until } from '../support/scene.ts';
import { suiteOwner } from '../support/suite.ts';
import { rms, sine, toneLevel } from '../support/tone.ts';
import { wavOf } from '../support/wav-samples.ts';

const RATE = 8000;

interface Coding {
  /** WAVE_FORMAT_… */
  readonly tag: number;
  readonly bits: number;
  readonly write: (sample: number) => Buffer;
}

const integer = (bytes: number) => (sample: number) => {
  const out = Buffer.alloc(bytes);
  if (bytes === 1) out.writeUInt8(128 + Math.round(sample * 127));
  else out.writeIntLE(Math.round(sample * (2 ** (8 * bytes - 1) - 1)), 0, bytes);
  return out;
};
const float = (sample: number): Buffer => {
  const out = Buffer.alloc(4);
  out.writeFloatLE(sample);
  return out;
};
const mulaw = (sample: number): Buffer => Buffer.from(toMulaw(Int16Array.of(Math.round(sample * 32_767))));
/** ITU-T G.711, from the law itself. */
const alaw = (sample: number): Buffer => {
  const size = Math.min(4095, Math.floor(Math.abs(sample) * 4096));
  const exponent = size < 32 ? 0 : Math.floor(Math.log2(size)) - 4;
  const mantissa = (size >> Math.max(1, exponent)) & 15;
  return Buffer.of(((sample >= 0 ? 0x80 : 0) | (exponent << 4) | mantissa) ^ 0x55);
};

const usual: Coding = { tag: 1, bits: 16, write: integer(2) };

const codings: Readonly<Record<string, Coding>> = {
  '8 bits': { tag: 1, bits: 8, write: integer(1) },
  '16 bits': usual,
  '24 bits': { tag: 1, bits: 24, write: integer(3) },
  '32 bits': { tag: 1, bits: 32, write: integer(4) },
  float: { tag: 3, bits: 32, write: float },
  'µ-law': { tag: 7, bits: 8, write: mulaw },
  'A-law': { tag: 6, bits: 8, write: alaw },
};

/** A tone in every channel. */
function wav({ tag, bits, write }: Coding, hertz: number, ms: number, rate: number, channels: number): Buffer {
  const samples = sine(hertz, ms, rate, 0.35);
  const data = Buffer.concat(
    [...samples].flatMap((sample) => Array.from({ length: channels }, () => write(sample / 32_767))),
  );
  const header = wavOf(new Int16Array(0), rate);
  const block = (channels * bits) / 8;
  header.writeUInt32LE(36 + data.length, 4);
  header.writeUInt16LE(tag, 20);
  header.writeUInt16LE(channels, 22);
  header.writeUInt32LE(rate * block, 28);
  header.writeUInt16LE(block, 32);
  header.writeUInt16LE(bits, 34);
  header.writeUInt32LE(data.length, 40);
  return Buffer.concat([header, data]);
}

/** Milliseconds in which a tone is heard, in steps of 20. */
function toneMs(samples: Int16Array, hertz: number): number {
  let ms = 0;
  for (let at = 0; at + 160 <= samples.length; at += 160) {
    if (toneLevel(samples.subarray(at, at + 160), hertz, RATE) > 0.12) ms += 20;
  }
  return ms;
}

describe('files and keys', () => {
  const owner = suiteOwner();
  let stage: Stage;
  before(async () => {
    // Numbers that end in 2000 have no telephone-event.
    stage = await Stage.open(
      owner,
      {},
      { kindOf: (called) => ({ codecs: ['PCMU', 'PCMA'], telephoneEvent: !called.endsWith('2000') }) },
    );
  });

  let streams = 0;
  async function twoWay(to = '+15550001000') {
    streams += 1;
    const path = `/file-${streams}`;
    const scene = await stage.call(`<Connect><Stream url="${stage.app.wsUrl(path)}"/></Connect>`, { to });
    const stream = await stage.app.stream(path);
    await stream.until('media', (seen) => seen.of('media').length > 2);
    const send = (bytes: Buffer, encoding: string, name: string, pieces: readonly number[] = []): void => {
      let at = 0;
      for (let turn = 0; at < bytes.length; turn += 1) {
        const size = pieces.length === 0 ? bytes.length : (pieces[turn % pieces.length] ?? 1);
        const payload = bytes.subarray(at, at + size).toString('base64');
        stream.send({ event: 'media', media: { payload, ...(at === 0 ? { format: { encoding } } : {}) } });
        at += size;
      }
      stream.send({ event: 'mark', mark: { name } });
    };
    const frames = async (count: number): Promise<void> => {
      const had = stream.of('media').length;
      await stream.until('time', (seen) => seen.of('media').length >= had + count);
    };
    return { scene, stream, send, frames };
  }

  it('WAV of every coding, mono and stereo, at many rates, cut anywhere: each is heard once, in order', async () => {
    const { scene, stream, send, frames } = await twoWay();
    const rates = [8000, 16_000, 44_100, 48_000, 11_025, 22_050, 32_000];
    const expected: { name: string; hertz: number }[] = [];
    for (const [index, [name, coding]] of Object.entries(codings).entries()) {
      const hertz = 500 + 200 * index;
      expected.push({ name, hertz });
      const file = wav(coding, hertz, 300, rates[index] ?? RATE, index % 2 === 0 ? 1 : 2);
      send(file, index % 2 === 0 ? 'audio/wav' : 'audio/x-wav', name, [1, 2, 3, 50, 4097, 777]);
    }
    await stream.until('all marks', (seen) => seen.of('mark').length === expected.length);
    await frames(15);
    assert.deepEqual(
      stream.of('mark').map(({ mark }) => mark.name),
      expected.map(({ name }) => name),
    );
    const heard = scene.heard.samples();
    for (const { name, hertz } of expected) {
      const ms = toneMs(heard, hertz);
      assert.ok(Math.abs(ms - 300) <= 60, `${name}: ${hertz} Hz for ${ms} ms`);
    }
    assert.equal((await stage.system.events(scene.sid)).filter(({ type }) => type === 'stream.warning').length, 0);
    await scene.hangUp();
  });

  it('MP3, mono and stereo, in pieces', async () => {
    const { scene, stream, send, frames } = await twoWay();
    const file = (name: string): Buffer => readFileSync(`test/vectors/media/${name}`);
    send(file('sine-440-mono-22050.mp3'), 'audio/mp3', 'mono', [1, 417, 5000]);
    send(file('sine-1000-stereo-44100.mp3'), 'audio/mpeg', 'stereo', [333]);
    await stream.until('both marks', (seen) => seen.of('mark').length === 2);
    await frames(15);
    const heard = scene.heard.samples();
    for (const hertz of [440, 1000]) {
      const ms = toneMs(heard, hertz);
      assert.ok(ms > 850 && ms < 1150, `${hertz} Hz for ${ms} ms`);
    }
    await scene.hangUp();
  });

  it('a file that is broken gives its mark and an entry of its own, and is never noise', async () => {
    const { scene, stream, send, frames } = await twoWay();
    const good = wav(usual, 1000, 300, RATE, 1);
    const adpcm = Buffer.from(good);
    adpcm.writeUInt16LE(2, 20);
    const noise = Buffer.from(Array.from({ length: 20_000 }, (_, index) => (index * 7919 + (index >> 3)) & 0xff));
    const broken: readonly (readonly [string, Buffer, string])[] = [
      ['page', Buffer.from('<html><body>Not found</body></html>'), 'audio/wav'],
      ['coding', adpcm, 'audio/wav'],
      ['header', good.subarray(0, 30), 'audio/wav'],
      ['noise', noise, 'audio/mp3'],
      ['tag', Buffer.concat([Buffer.from('ID3\u0004\0\0\0\0\0\0', 'latin1'), noise]), 'audio/mp3'],
    ];
    for (const [name, bytes, encoding] of broken) send(bytes, encoding, name, [999]);
    await stream.until('the marks', (seen) => seen.of('mark').length === broken.length);
    await frames(15);
    assert.ok(rms(scene.heard.samples()) < 0.001, 'nothing is heard');
    for (const [name] of broken) {
      await stage.system.event(
        scene.sid,
        (event) => event.type === 'stream.warning' && String(event['detail']).includes(`mark ${name} `),
      );
    }
    send(good, 'audio/wav', 'good');
    await stream.until('the good one', (seen) => seen.of('mark').length === broken.length + 1);
    await frames(10);
    const ms = toneMs(scene.heard.samples(), 1000);
    assert.ok(Math.abs(ms - 300) <= 60, `the next file is heard for ${ms} ms`);
    await scene.hangUp();
  });

  for (const [kind, to, by] of [
    ['telephone-event', '+15550001000', 'rfc4733'],
    ['tones, as telephone-event was not agreed', '+15550002000', 'tone'],
  ] as const) {
    const heardOnce = async (scene: Scene, digits: string): Promise<void> => {
      await until(`the phone hears ${digits}`, () => scene.phone.digits.length >= digits.length);
      assert.equal(scene.phone.digits, digits);
    };

    it(`keys reach the phone once each, as ${kind}: by document, REST and socket`, async () => {
      streams += 1;
      const path = `/keys-${streams}`;
      const connect = `<Connect><Stream url="${stage.app.wsUrl(path)}"/></Connect>`;
      const scene = await stage.call(`<Play digits="12w33"/>${connect}`, { to });
      await heardOnce(scene, '1233');
      const stream = await stage.app.stream(path);
      await stream.until('media', (seen) => seen.of('media').length > 2);
      const answer = await stage.system.api('POST', `/calls/${scene.sid}/digits`, { digits: '4*5#' });
      assert.equal(answer.status, 202);
      await heardOnce(scene, '12334*5#');
      stream.send({ event: 'dtmf', dtmf: { digits: '66A' } });
      await heardOnce(scene, '12334*5#66A');
      const had = stream.of('media').length;
      await stream.until('half a second', (seen) => seen.of('media').length > had + 25);
      assert.equal(scene.phone.digits, '12334*5#66A', 'and none comes after');
      const sent = (await stage.system.events(scene.sid)).filter(({ type }) => type === 'dtmf.sent');
      assert.deepEqual(
        sent.map((event) => event['by']),
        ['document', 'api', 'stream'],
      );
      assert.ok(!JSON.stringify(sent).includes('66A'), 'the timeline does not show them');
      await scene.hangUp();
    });

    it(`keys of the phone reach the app once each, as ${kind}`, async () => {
      const { scene, stream } = await twoWay(to);
      await scene.phone.press('1590*#');
      const got = (): string =>
        stream
          .of('dtmf')
          .map(({ dtmf }) => dtmf.digit)
          .join('');
      await stream.until('the keys', () => got().length >= 6);
      assert.equal(got(), '1590*#');
      const entries = (await stage.system.events(scene.sid)).filter(({ type }) => type === 'dtmf.received');
      assert.ok(entries.every((event) => event['by'] === by));
      await scene.hangUp();
    });
  }
});
