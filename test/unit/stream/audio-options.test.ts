/** Every audio option with every other: what is announced, how many bytes a frame has, and who is heard where. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Dialect } from '../../../shared/domain/dialect.ts';
import type { MediaFormat, TrackSelection } from '../../../shared/domain/stream.ts';
import { type AudioCodec, fillStream } from '../../../shared/domain/stream-spec.ts';
import { alawCoder, mulawCoder } from '../../../worker/media/codec/g711.ts';
import type { LegRate } from '../../../worker/media/frame.ts';
import { concat, sine, toneLevel } from '../../support/tone.ts';
import { World } from './world.ts';

/** Inbound, outbound and the app's own, in Hz: no two are harmonics of each other. */
const CALLER = 700;
const CALLEE = 1300;
const APP = 1000;
const BEATS = 40;

type Codec = readonly [audioCodec: AudioCodec, sampleRate: MediaFormat['sampleRate'] | undefined, expected: string];

/** PROTOCOL §2.1, §14.1: encoding, hertz, and whether `audioMix` counts. */
const codecs: readonly Codec[] = [
  ['pcm', 8000, 'audio/L16 8000 mix'],
  ['pcm', 16_000, 'audio/L16 16000 mix'],
  ['pcm', 24_000, 'audio/L16 24000 mix'],
  ['pcm', 32_000, 'audio/L16 32000 mix'],
  ['pcm', 48_000, 'audio/L16 48000 mix'],
  ['pcm16', 8000, 'audio/L16 24000'],
  ['pcmu', 16_000, 'audio/x-mulaw 8000'],
  ['g711_ulaw', undefined, 'audio/x-mulaw 8000'],
  ['pcma', undefined, 'audio/x-alaw 8000'],
];

const ways = [
  { name: 'one way, JSON', parent: 'start', rawAudio: false, binary: false, twoWay: false },
  { name: 'one way, raw', parent: 'start', rawAudio: true, binary: true, twoWay: false },
  { name: 'two ways, JSON', parent: 'connect', rawAudio: false, binary: false, twoWay: true },
  { name: 'two ways, duplex', parent: 'connect', rawAudio: 'duplex', binary: true, twoWay: true },
] as const;

const tracks: readonly TrackSelection[] = ['inbound', 'outbound', 'both'];

type Encoding = MediaFormat['encoding'];

function decode(bytes: Buffer, encoding: Encoding): Int16Array {
  const samples = new Int16Array(encoding === 'audio/L16' ? bytes.length / 2 : bytes.length);
  if (encoding === 'audio/L16') for (let at = 0; at < samples.length; at++) samples[at] = bytes.readInt16LE(2 * at);
  else (encoding === 'audio/x-mulaw' ? mulawCoder : alawCoder).decode(bytes, samples);
  return samples;
}

function encode(samples: Int16Array, encoding: Encoding): Buffer {
  if (encoding === 'audio/L16') return Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength);
  const bytes = Buffer.alloc(samples.length);
  (encoding === 'audio/x-mulaw' ? mulawCoder : alawCoder).encode(samples, bytes);
  return bytes;
}

/** Caller and callee speak for all beats. */
function speak(world: World, rate: LegRate): void {
  const [caller, callee] = [sine(CALLER, BEATS * 20, rate, 0.3), sine(CALLEE, BEATS * 20, rate, 0.3)];
  const size = rate / 50;
  for (let beat = 0; beat < BEATS; beat++) {
    const part = (of: Int16Array) => ({ samples: of.subarray(beat * size, (beat + 1) * size) });
    world.beats(1, part(caller), part(callee));
  }
}

/** The steady part must hold exactly these tones of the three. */
function assertTones(samples: Int16Array, rate: number, expected: readonly number[], where: string): void {
  const steady = samples.subarray(rate / 10, rate / 10 + rate / 2);
  for (const hertz of [CALLER, CALLEE, APP]) {
    const level = toneLevel(steady, hertz, rate);
    const right = expected.includes(hertz) ? level > 0.27 && level < 0.33 : level < 0.003;
    assert.ok(right, `${where}: ${hertz} Hz at ${level}`);
  }
}

const tonesOf = (track: TrackSelection): number[] =>
  track === 'both' ? [CALLER, CALLEE] : track === 'inbound' ? [CALLER] : [CALLEE];

interface Options {
  readonly dialect: Dialect;
  readonly codec: Codec;
  readonly stereo: boolean;
  readonly track: TrackSelection;
  readonly way: (typeof ways)[number];
  readonly rate: LegRate;
}

/** Runs one combination; `announced` is what the table expects. */
function check(options: Options, announced: { encoding: Encoding; sampleRate: number; channels: number }): void {
  const { dialect, codec, stereo, track, way, rate } = options;
  const wish = { url: 'wss://app.example/audio', parent: way.parent, track } as const;
  const audio = { audioCodec: codec[0], sampleRate: codec[1], audioMix: stereo ? 'stereo' : 'mono' } as const;
  const spec = fillStream(dialect === 'twilio' ? wish : { ...wish, ...audio, rawAudio: way.rawAudio }, dialect);
  const world = new World(spec, { rate }).open();
  const where = `${track} on ${rate} Hz`;
  const bytes = (announced.sampleRate / 50) * announced.channels * (announced.encoding === 'audio/L16' ? 2 : 1);
  if (way.twoWay) sayOwn(world, announced, way.binary);
  speak(world, rate);

  if (!way.binary) {
    const endianness = announced.encoding === 'audio/L16' ? { endianness: 'little' } : {};
    assert.deepEqual(world.connection.of('start')[0].start.mediaFormat, {
      ...announced,
      ...endianness,
      frameBytes: bytes,
    });
  } else assert.deepEqual(world.connection.messages, []);
  const frames = way.binary
    ? world.connection.binaries.map((payload) => ({ track, payload }))
    : world.connection.of('media').map(({ media }) => ({
        track: media.track as TrackSelection,
        payload: Buffer.from(media.payload, 'base64'),
      }));
  for (const { payload } of frames) assert.equal(payload.length, bytes, where);
  for (const heard of new Set(frames.map((frame) => frame.track))) {
    const own = frames.filter((frame) => frame.track === heard).map(({ payload }) => payload);
    assert.equal(own.length, BEATS, where);
    const samples = decode(Buffer.concat(own), announced.encoding);
    if (announced.channels === 1) assertTones(samples, announced.sampleRate, tonesOf(heard), where);
    else {
      const [left, right] = [0, 1].map((channel) => samples.filter((_, at) => at % 2 === channel));
      assertTones(left ?? samples, announced.sampleRate, [CALLEE], `${where}, left`);
      assertTones(right ?? samples, announced.sampleRate, [CALLER], `${where}, right`);
    }
  }
  const labels = dialect === 'twilio' && track === 'both' ? ['inbound', 'outbound'] : [track];
  assert.deepEqual([...new Set(frames.map((frame) => frame.track))], labels, where);
  if (way.twoWay) assertTones(concat(...world.heard), rate, [APP], `${where}, to the caller`);
}

/** The app speaks: in the stream's own format where that is all it has, in a stated one else. Always one channel. */
function sayOwn(world: World, own: { encoding: Encoding; sampleRate: number }, binary: boolean): void {
  const samples = sine(APP, BEATS * 20 + 100, own.sampleRate, 0.3);
  const payload = encode(samples, own.encoding);
  if (binary) world.connection.app.onBinary(payload);
  else {
    const format = { encoding: own.encoding, sampleRate: own.sampleRate };
    world.say({ event: 'media', media: { payload: payload.toString('base64'), format } });
  }
}

describe('audio options (AC-3, AC-83)', () => {
  for (const codec of codecs) {
    const [audioCodec, sampleRate, expected] = codec;
    const [encoding = '', hertz = '', mix] = expected.split(' ');
    for (const stereo of [false, true]) {
      for (const way of ways) {
        it(`${audioCodec} ${sampleRate ?? ''} ${stereo ? 'stereo' : 'mono'}, ${way.name}: every track on either leg`, () => {
          for (const track of tracks) {
            for (const rate of [8000, 16_000] as const) {
              const channels = stereo && mix === 'mix' && track === 'both' ? 2 : 1;
              const announced = { encoding: encoding as Encoding, sampleRate: Number(hertz), channels };
              check({ dialect: 'pivot', codec, stereo, track, way, rate }, announced);
            }
          }
        });
      }
    }
  }

  for (const way of ways.filter(({ binary }) => !binary)) {
    it(`the Twilio dialect, ${way.name}: µ-law, a message for each track`, () => {
      const announced = { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 } as const;
      for (const track of tracks) {
        for (const rate of [8000, 16_000] as const) {
          check({ dialect: 'twilio', codec: ['pcm', 8000, ''], stereo: false, track, way, rate }, announced);
        }
      }
    });
  }
});

describe('what is accepted is independent of what is sent', () => {
  const accepted = [
    ...[8000, 16_000, 24_000, 32_000, 44_100, 48_000].map((hertz) => ['audio/L16', hertz] as const),
    ['audio/x-mulaw', 8000],
    ['audio/x-alaw', 8000],
    ['audio/x-mulaw', 16_000],
  ] as const;
  for (const [encoding, sampleRate] of accepted) {
    it(`${encoding} of ${sampleRate} Hz plays on either leg, whatever the stream sends`, () => {
      for (const dialect of ['pivot', 'twilio'] as const) {
        for (const rate of [8000, 16_000] as const) {
          const wish = { url: 'wss://app.example/audio', parent: 'connect' } as const;
          const world = new World(fillStream(wish, dialect), { rate }).open();
          sayOwn(world, { encoding, sampleRate }, false);
          world.beats(BEATS);
          assertTones(concat(...world.heard), rate, [APP], `${dialect} on ${rate} Hz`);
        }
      }
    });
  }

  it('6 kHz of an app of 16 kHz is heard on a wide leg, and not folded into a narrow one', () => {
    const tone = sine(6000, 1000, 16_000, 0.3);
    const heardOn = (rate: LegRate): Int16Array => {
      const spec = fillStream(
        { url: 'wss://app.example/audio', parent: 'connect', rawAudio: 'duplex', sampleRate: 16_000 },
        'pivot',
      );
      const world = new World(spec, { rate }).open();
      world.connection.app.onBinary(Buffer.from(tone.buffer));
      world.beats(BEATS);
      return concat(...world.heard).subarray(rate / 10, rate / 2);
    };
    assert.ok(toneLevel(heardOn(16_000), 6000, 16_000) > 0.28);
    assert.ok(toneLevel(heardOn(8000), 2000, 8000) < 0.0003);
  });
});
