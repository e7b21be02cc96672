import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { decodeAudio, sniffAudio } from '../../../worker/media/audio-file.ts';
import { AudioFileError } from '../../../worker/media/audio-file-error.ts';
import { feedPlayout } from '../../../worker/media/feed.ts';
import { initMedia } from '../../../worker/media/init.ts';
import { Playout } from '../../../worker/media/playout.ts';
import { wavFile } from '../../../worker/media/wav-writer.ts';
import { ManualClock } from '../../support/clock.ts';
import { concat, heardAt, sine, snr, toneLevel } from '../../support/tone.ts';

const vector = (name: string): Buffer => readFileSync(new URL(`../../vectors/media/${name}`, import.meta.url));

function* cut(file: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < file.length; at += size) yield file.subarray(at, at + size);
}

async function decode(file: Uint8Array, rate: number, size = 100_000): Promise<Int16Array> {
  const parts: Int16Array[] = [];
  for await (const samples of decodeAudio(cut(file, size), rate)) parts.push(samples);
  return concat(...parts);
}

before(initMedia);

describe('what a file is, by its first bytes', () => {
  it('WAV, MP3 with and without a tag, neither', () => {
    assert.equal(sniffAudio(wavFile(new Int16Array(1), 8000)), 'wav');
    assert.equal(sniffAudio(vector('sine-440-mono-22050.mp3')), 'mp3');
    assert.equal(sniffAudio(Buffer.from('fffb9064', 'hex')), 'mp3');
    assert.equal(sniffAudio(Buffer.from('<html>')), null);
    assert.equal(sniffAudio(Buffer.from('RIF')), null);
  });

  it('a page instead of a sound is an error, and so is nothing', async () => {
    for (const file of [Buffer.from('<html>not here</html>'), Buffer.alloc(0), Buffer.from('ab')]) {
      await assert.rejects(decode(file, 8000), (error) => error instanceof AudioFileError && error.fault === 'unknown');
    }
  });
});

describe('a WAV file at the rate of the leg', () => {
  for (const rate of [11_025, 22_050, 44_100, 8000]) {
    it(`AC-89: ${rate} Hz gives the same samples however it is cut`, async () => {
      const file = wavFile(sine(440, 500, rate), rate);
      const whole = await decode(file, 8000);
      assert.equal(whole.length, 4000);
      assert.ok(snr(whole.subarray(400, 3600), 440, 8000) > 55);
      for (const size of [1, 7, 160, 4096]) assert.deepEqual(await decode(file, 8000, size), whole);
    });
  }
});

describe('an MP3 file at the rate of the leg', () => {
  for (const [name, hertz] of [
    ['sine-440-mono-22050.mp3', 440],
    ['sine-1000-stereo-44100.mp3', 1000],
  ] as const) {
    it(`${name}: in tune, a second long, and the same however it is cut`, async () => {
      const whole = await decode(vector(name), 8000);
      assert.ok(Math.abs(whole.length - 8000) <= 8000 * 0.06, `${whole.length} samples`);
      const middle = whole.subarray(1600, 6400);
      const level = toneLevel(middle, hertz, 8000);
      assert.ok(level > 0.2, `level ${level}`);
      assert.ok(snr(middle, hertz, 8000) > 30, `${snr(middle, hertz, 8000)} dB`);
      for (const size of [1, 417, 5000]) assert.deepEqual(await decode(vector(name), 8000, size), whole);
    });
  }

  it('of the slowest file no more than two seconds are decoded in one go', async () => {
    // MPEG-2 layer III, 8 kbit/s, 24 kHz, mono: 24 ms of silence in 24 bytes.
    const frame = Buffer.alloc(24);
    frame.set([0xff, 0xf3, 0x14, 0xc0]);
    const seconds: number[] = [];
    for await (const samples of decodeAudio([Buffer.concat(Array(2000).fill(frame))], 8000))
      seconds.push(samples.length / 8000);
    assert.ok(Math.max(...seconds) < 2.2, `${Math.max(...seconds)} s`);
    assert.ok(Math.abs(seconds.reduce((sum, one) => sum + one, 0) - 48) < 0.5);
  });

  it('a file cut off plays what it has', async () => {
    const file = vector('sine-440-mono-22050.mp3');
    const half = await decode(file.subarray(0, file.length / 2), 8000);
    assert.ok(half.length > 3000 && half.length < 4800, String(half.length));
  });

  it('an ID3 tag alone, and one with noise behind it, are errors', async () => {
    const tag = Buffer.from('4944330300000000000a00000000000000000000', 'hex');
    const noise = Buffer.alloc(200_000, 0x55);
    for (const file of [tag, Buffer.concat([tag, noise])]) {
      await assert.rejects(decode(file, 8000), (error) => error instanceof AudioFileError && error.fault === 'damaged');
    }
  });
});

describe('hostile files', () => {
  it('bytes changed at random end as samples or as an AudioFileError, and quickly', async (t) => {
    t.mock.method(console, 'error', () => {});
    let seed = 7;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return (seed >>> 8) % below;
    };
    const originals = [
      wavFile(sine(440, 100, 22_050), 22_050),
      vector('sine-440-mono-22050.mp3'),
      vector('sine-1000-stereo-44100.mp3'),
    ];
    let refused = 0;
    for (let run = 0; run < 120; run++) {
      const file = Buffer.from(originals[run % originals.length] ?? Buffer.alloc(0));
      const header = run % 2 === 0 ? Math.min(64, file.length) : file.length;
      for (let n = random(30) + 1; n > 0; n--) file[random(header)] = random(256);
      try {
        const samples = await decode(file.subarray(0, random(file.length) + 1), 8000, random(5000) + 1);
        assert.ok(samples.length <= 8000 * 20, `${samples.length} samples out of ${file.length} bytes`);
      } catch (error) {
        assert.ok(error instanceof AudioFileError, String(error));
        refused++;
      }
    }
    assert.ok(refused > 5, `${refused} refused`);
  });
});

describe('feeding a playout', () => {
  it('keeps about two seconds ahead of the ear and loses nothing', async () => {
    const clock = new ManualClock();
    const playout = new Playout({ rate: 8000, report: (error) => assert.fail(String(error)) });
    const heard = new Int16Array(8000 * 10);
    let ended = false;
    const feeding = feedPlayout(playout, [sine(440, 8000, 8000)], clock, new AbortController().signal).finally(() => {
      ended = true;
    });
    let at = 0;
    while (at < heard.length) {
      assert.ok(playout.queuedSamples <= 16_000, `${playout.queuedSamples} queued`);
      clock.advance(20);
      await new Promise(setImmediate);
      playout.next(heard.subarray(at, at + 160));
      at += 160;
    }
    assert.equal(await feeding, 64_000);
    assert.ok(ended, 'the feeding has ended');
    assert.deepEqual(heardAt(heard, 440, 8000), [{ fromMs: 0, toMs: 8000 }]);
  });

  it('stops with the reason of the signal', async () => {
    const clock = new ManualClock();
    const playout = new Playout({ rate: 8000, report: (error) => assert.fail(String(error)) });
    const stop = new AbortController();
    const feeding = feedPlayout(playout, [new Int16Array(80_000)], clock, stop.signal);
    await new Promise(setImmediate);
    const reason = new Error('hung up');
    stop.abort(reason);
    await assert.rejects(feeding, reason);
    assert.equal(clock.pending, 0);
    assert.equal(playout.queuedSamples, 16_000);
  });
});
