import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { g722 } from '../../../worker/media/codec/g722.ts';
import { decibel, sine, snr, toneLevel } from '../../support/tone.ts';

interface Vector {
  /** Hex of the first bytes and samples (little-endian), and the SHA-256 of all of them. */
  readonly bytes: string;
  readonly bytesHash: string;
  readonly samples: string;
  readonly samplesHash: string;
}

const vectors: Record<string, Vector> = JSON.parse(
  readFileSync(new URL('../../vectors/media/g722.json', import.meta.url), 'utf8'),
);

const RATE = 16_000;
const SECOND = RATE;

/** A second of each kind of signal that finds another corner, out of whole numbers alone. */
const signals: Readonly<Record<string, () => Int16Array>> = {
  silence: () => new Int16Array(SECOND),
  'noise at full scale': () => noise(0),
  'noise near silence': () => noise(11),
  'square wave that overflows': () => Int16Array.from({ length: SECOND }, (_, at) => (at % 37 < 18 ? 32_767 : -32_768)),
  'triangle rising in pitch': triangle,
  'bursts between silences': () => noise(0).map((sample, at) => (((at >> 11) & 1) === 1 ? sample : 0)),
};

function noise(shift: number): Int16Array {
  let state = 12_345;
  return Int16Array.from({ length: SECOND }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >> (16 + shift);
  });
}

function triangle(): Int16Array {
  let phase = 0;
  return Int16Array.from({ length: SECOND }, (_, at) => {
    phase = (phase + 200 + at) & 0xffff;
    return (phase < 0x8000 ? phase : 0xffff - phase) - 0x4000;
  });
}

function encode(samples: Int16Array): Uint8Array {
  const payload = new Uint8Array(samples.length / 2);
  assert.equal(g722.newEncoder().encode(samples, payload), payload.length);
  return payload;
}

function decode(payload: Uint8Array): Int16Array {
  const samples = new Int16Array(payload.length * 2);
  assert.equal(g722.newDecoder().decode(payload, samples), samples.length);
  return samples;
}

const hash = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');
const bytesOf = (samples: Int16Array): Buffer => Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength);

describe('G.722 against golden vectors', () => {
  for (const [name, make] of Object.entries(signals)) {
    it(`${name}: every byte and every sample`, () => {
      const vector = vectors[name];
      assert.ok(vector);
      const payload = encode(make());
      assert.equal(Buffer.from(payload.subarray(0, 160)).toString('hex'), vector.bytes);
      assert.equal(hash(payload), vector.bytesHash);
      const samples = bytesOf(decode(payload));
      assert.equal(samples.subarray(0, 160).toString('hex'), vector.samples);
      assert.equal(hash(samples), vector.samplesHash);
    });
  }
});

const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0;
const ffmpeg = (args: readonly string[], input: Uint8Array): Buffer =>
  execFileSync('ffmpeg', ['-v', 'error', ...args, '-'], { input, maxBuffer: 2 ** 24 });

describe('G.722 against ffmpeg', { skip: hasFfmpeg ? false : 'NO FFMPEG HERE: G.722 was not compared with it' }, () => {
  for (const [name, make] of Object.entries(signals)) {
    it(`${name}: bit-exact both ways`, () => {
      const samples = make();
      const payload = encode(samples);
      const raw = ['-f', 's16le', '-ar', '16000', '-ac', '1'];
      assert.deepEqual(
        ffmpeg([...raw, '-i', '-', '-c:a', 'g722', '-f', 'g722'], bytesOf(samples)),
        Buffer.from(payload),
      );
      assert.deepEqual(ffmpeg(['-f', 'g722', '-i', '-', '-f', 's16le'], payload), bytesOf(decode(payload)));
    });
  }
});

describe('G.722 by ear', () => {
  for (const hertz of [300, 1000, 3400, 6000]) {
    it(`${hertz} Hz comes back as loud as it went in`, () => {
      const heard = decode(encode(sine(hertz, 500, RATE))).subarray(RATE / 10);
      assert.ok(Math.abs(decibel(toneLevel(heard, hertz, RATE) / 0.5)) < 1, `${toneLevel(heard, hertz, RATE)}`);
      assert.ok(snr(heard, hertz, RATE) > (hertz < 4000 ? 25 : 12), `${snr(heard, hertz, RATE)} dB`);
    });
  }

  it('frames of any even length are the same as all at once', () => {
    const samples = sine(700, 400, RATE);
    const whole = encode(samples);
    const encoder = g722.newEncoder();
    const decoder = g722.newDecoder();
    const bytes: number[] = [];
    const heard: number[] = [];
    for (let at = 0, size = 2; at < samples.length; at += size, size = (size % 900) + 34) {
      const piece = samples.subarray(at, at + size);
      const payload = new Uint8Array(piece.length / 2);
      encoder.encode(piece, payload);
      bytes.push(...payload);
      const back = new Int16Array(piece.length);
      decoder.decode(payload, back);
      heard.push(...back);
    }
    assert.deepEqual(Uint8Array.from(bytes), whole);
    assert.deepEqual(Int16Array.from(heard), decode(whole));
  });

  it('recovers from a frame that was lost', () => {
    const payload = encode(sine(440, 1000, RATE));
    const decoder = g722.newDecoder();
    const heard = new Int16Array(payload.length * 2);
    decoder.decode(payload.subarray(0, 3200), heard);
    decoder.decode(payload.subarray(3360), heard.subarray(6720));
    assert.ok(snr(heard.subarray(6720 + RATE / 10), 440, RATE) > 20);
  });

  it('refuses buffers that are too short, and half a byte', () => {
    assert.throws(() => g722.newEncoder().encode(new Int16Array(320), new Uint8Array(159)), RangeError);
    assert.throws(() => g722.newEncoder().encode(new Int16Array(3), new Uint8Array(2)), RangeError);
    assert.throws(() => g722.newDecoder().decode(new Uint8Array(160), new Int16Array(319)), RangeError);
  });
});
