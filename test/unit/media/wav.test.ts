import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AudioFileError } from '../../../worker/media/audio-file-error.ts';
import { mulawCoder } from '../../../worker/media/codec/g711.ts';
import { WavReader } from '../../../worker/media/wav.ts';
import { wavFile, wavHeader } from '../../../worker/media/wav-writer.ts';
import { concat, sine } from '../../support/tone.ts';

const tone = sine(440, 100, 8000);

function read(file: Uint8Array, size = file.length): { readonly samples: Int16Array; readonly reader: WavReader } {
  const reader = new WavReader();
  const parts: Int16Array[] = [];
  for (let at = 0; at < file.length; at += size) parts.push(reader.push(file.subarray(at, at + size)));
  parts.push(reader.end());
  return { samples: concat(...parts), reader };
}

interface Shape {
  readonly tag?: number;
  readonly channels?: number;
  readonly rate?: number;
  readonly bits?: number;
  readonly block?: number;
  readonly extra?: Buffer;
}

function wav({ tag = 1, channels = 1, rate = 8000, bits = 16, block, extra }: Shape, data: Buffer): Buffer {
  const header = wavHeader(8000, 1, data.length);
  header.writeUInt32LE(rate, 24);
  header.writeUInt16LE(tag, 20);
  header.writeUInt16LE(channels, 22);
  header.writeUInt16LE(block ?? (channels * bits) / 8, 32);
  header.writeUInt16LE(bits, 34);
  if (!extra) return Buffer.concat([header, data]);
  header.writeUInt32LE(16 + extra.length, 16);
  return Buffer.concat([header.subarray(0, 36), extra, header.subarray(36), data]);
}

const bytesOf = (count: number, write: (buffer: Buffer, index: number) => void, width: number): Buffer => {
  const buffer = Buffer.alloc(count * width);
  for (let index = 0; index < count; index++) write(buffer, index);
  return buffer;
};

const fault = (expected: string) => (error: unknown) => error instanceof AudioFileError && error.fault === expected;

describe('a WAV file is read', () => {
  it('as it was written, and tells its rate', () => {
    const { samples, reader } = read(wavFile(tone, 8000));
    assert.deepEqual(samples, tone);
    assert.equal(reader.rate, 8000);
    assert.equal(reader.ended, true);
  });

  it('AC-89: the same in pieces of 1, 7, 160, 4,096 and 100,000 bytes', () => {
    const file = wavFile(sine(440, 1000, 16_000), 16_000);
    const whole = read(file).samples;
    for (const size of [1, 7, 160, 4096, 100_000]) assert.deepEqual(read(file, size).samples, whole);
  });

  for (const [name, shape, width, write, tolerance] of [
    ['8 bit', { bits: 8 }, 1, (b: Buffer, i: number) => b.writeUInt8(((tone[i] ?? 0) >> 8) + 128, i), 255],
    ['24 bit', { bits: 24 }, 3, (b: Buffer, i: number) => b.writeIntLE((tone[i] ?? 0) * 256, 3 * i, 3), 0],
    ['32 bit', { bits: 32 }, 4, (b: Buffer, i: number) => b.writeInt32LE((tone[i] ?? 0) * 65_536, 4 * i), 0],
    ['float', { tag: 3, bits: 32 }, 4, (b: Buffer, i: number) => b.writeFloatLE((tone[i] ?? 0) / 32_767, 4 * i), 1],
    ['double', { tag: 3, bits: 64 }, 8, (b: Buffer, i: number) => b.writeDoubleLE((tone[i] ?? 0) / 32_767, 8 * i), 1],
  ] as const) {
    it(`${name}, cut in pieces of 5 bytes`, () => {
      const { samples } = read(wav(shape, bytesOf(tone.length, write, width)), 5);
      assert.equal(samples.length, tone.length);
      for (const [i, sample] of samples.entries()) assert.ok(Math.abs(sample - (tone[i] ?? 0)) <= tolerance);
    });
  }

  it('µ-law', () => {
    const data = Buffer.alloc(tone.length);
    mulawCoder.encode(tone, data);
    const expected = new Int16Array(tone.length);
    mulawCoder.decode(data, expected);
    assert.deepEqual(read(wav({ tag: 7, bits: 8 }, data)).samples, expected);
  });

  it('extensible', () => {
    const guid = Buffer.from('16001000040000000100000000001000800000aa00389b71', 'hex');
    const data = wavFile(tone, 8000).subarray(44);
    assert.deepEqual(read(wav({ tag: 0xfffe, extra: guid }, data)).samples, tone);
  });

  it('stereo as the mean of both channels', () => {
    const stereo = Int16Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? 1000 : 3000));
    assert.deepEqual(read(wavFile(stereo, 8000, 2), 3).samples, new Int16Array(100).fill(2000));
  });

  it('with other chunks before and after the samples, none of them heard', () => {
    const file = wavFile(tone, 8000);
    const list = Buffer.from('4c49535405000000616263646500', 'hex');
    const odd = Buffer.concat([file.subarray(0, 12), list, file.subarray(12), list, list]);
    assert.deepEqual(read(odd, 11).samples, tone);
  });

  it('with an open size, as written by a pipe, to the end of the bytes', () => {
    for (const size of [0xffff_ffff, 0x7fff_f000]) {
      const file = wavFile(tone, 8000);
      file.writeUInt32LE(size, 40);
      assert.deepEqual(read(file).samples, tone);
    }
    const zero = wavFile(tone, 8000);
    zero.writeUInt32LE(0, 4);
    zero.writeUInt32LE(0, 40);
    assert.deepEqual(read(zero).samples, tone);
  });
});

describe('a hostile WAV file is refused', () => {
  const data = Buffer.alloc(96);
  const cases: readonly (readonly [string, Buffer, string])[] = [
    ['six channels', wav({ channels: 6 }, data), 'unsupported'],
    ['no channel', wav({ channels: 0 }, data), 'unsupported'],
    ['0 Hz', wav({ rate: 0 }, data), 'unsupported'],
    ['4 GHz', wav({ rate: 0xffff_ffff }, data), 'unsupported'],
    ['12 bit', wav({ bits: 12 }, data), 'unsupported'],
    ['ADPCM', wav({ tag: 2, bits: 4 }, data), 'unsupported'],
    ['a block size that lies', wav({ block: 1 }, data), 'damaged'],
    ['samples before the format', Buffer.concat([Buffer.from('RIFF____WAVEdata'), data]), 'damaged'],
    ['big-endian RIFX', Buffer.concat([Buffer.from('RIFX____WAVE'), data]), 'damaged'],
    ['a header that ends', wavFile(tone, 8000).subarray(0, 30), 'damaged'],
    ['a format of 4 GB', Buffer.from('524946460000000057415645666d7420ffffffff', 'hex'), 'damaged'],
    [
      'a thousand empty chunks',
      Buffer.concat([Buffer.from('RIFF____WAVE'), ...Array.from({ length: 1000 }, () => Buffer.from('junk\0\0\0\0'))]),
      'damaged',
    ],
    ['a chunk of 2 GB before the samples', Buffer.from('RIFF____WAVEjunk\0\0\0\x7f', 'latin1'), 'damaged'],
  ];
  for (const [name, file, expected] of cases) {
    it(name, () => {
      assert.throws(() => read(file), fault(expected));
      assert.throws(() => read(file, 1), fault(expected));
    });
  }

  it('not a number is silence, not a bang', () => {
    const floats = bytesOf(3, (b, i) => b.writeFloatLE([Number.NaN, Number.POSITIVE_INFINITY, -2][i] ?? 0, 4 * i), 4);
    assert.deepEqual(read(wav({ tag: 3, bits: 32 }, floats)).samples, Int16Array.of(0, 32_767, -32_768));
  });
});
