import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { initMedia } from '../../../worker/media/init.ts';
import { FileResampler, FrameResampler } from '../../../worker/media/resample.ts';
import { concat, decibel, rms, sine, snr, toneLevel } from '../../support/tone.ts';

const rates = [8000, 16_000, 24_000, 32_000, 48_000];
const pairs = rates.flatMap((from) => rates.map((to) => [from, to] as const));

/** A whole file through pieces of the given sizes, again and again. */
function convert(samples: Int16Array, from: number, to: number, sizes: readonly number[]): Int16Array {
  const resampler = new FileResampler(from, to);
  const parts: Int16Array[] = [];
  for (let at = 0, n = 0; at < samples.length; n++) {
    const size = sizes[n % sizes.length] ?? 1;
    parts.push(resampler.push(samples.subarray(at, at + size)));
    at += size;
  }
  parts.push(resampler.end());
  resampler.close();
  return concat(...parts);
}

before(initMedia);

describe('frames', () => {
  for (const [from, to] of pairs) {
    it(`${from} to ${to}: every frame gives 20 ms, and the sound is the same`, () => {
      const resampler = new FrameResampler(from, to);
      const source = sine(1000, 1000, from);
      const heard = new Int16Array(to);
      const out = new Int16Array(to / 50);
      for (let frame = 0; frame < 50; frame++) {
        const input = source.subarray((frame * from) / 50, ((frame + 1) * from) / 50);
        assert.equal(resampler.process(input, out), to / 50);
        heard.set(out, (frame * to) / 50);
      }
      resampler.close();
      const steady = heard.subarray(to / 10);
      assert.ok(snr(steady, 1000, to) > 60, `${snr(steady, 1000, to)} dB`);
      assert.ok(Math.abs(decibel(toneLevel(steady, 1000, to) / 0.5)) < 0.2);
    });
  }

  it('images and aliases stay 60 dB down', () => {
    const up = convert(sine(3000, 1000, 8000, 0.9), 8000, 16_000, [160]).subarray(1600);
    assert.ok(decibel(toneLevel(up, 5000, 16_000) / 0.9) < -60);
    const down = convert(sine(5500, 1000, 16_000, 0.9), 16_000, 8000, [320]).subarray(800);
    assert.ok(decibel(toneLevel(down, 2500, 8000) / 0.9) < -60);
  });

  for (const [from, to] of pairs.filter(([from, to]) => from !== to)) {
    it(`${from} to ${to}: a sweep is 60 dB clean in band, and nothing of it is left above`, () => {
      const narrow = Math.min(from, to) / 2;
      const through = (hertz: number): Int16Array => convert(sine(hertz, 400, from, 0.9), from, to, [from / 50]);
      for (let hertz = 100; hertz < 0.85 * narrow; hertz *= 1.19) {
        const heard = through(hertz).subarray(to / 20, (to * 7) / 20);
        assert.ok(snr(heard, hertz, to) > 60, `${hertz} Hz: ${snr(heard, hertz, to)} dB`);
        assert.ok(Math.abs(decibel(toneLevel(heard, hertz, to) / 0.9)) < 0.5, `${hertz} Hz: level`);
      }
      for (let hertz = 1.2 * narrow; hertz < 0.95 * (from / 2); hertz *= 1.19) {
        const left = rms(through(hertz).subarray(to / 20, (to * 7) / 20)) * Math.SQRT2;
        assert.ok(decibel(left / 0.9) < -60, `${hertz} Hz: ${decibel(left / 0.9)} dB`);
      }
    });
  }

  it('refuses a frame that is too short, rates without whole frames, and use after close', () => {
    const resampler = new FrameResampler(8000, 16_000);
    assert.throws(() => resampler.process(new Int16Array(160), new Int16Array(319)), RangeError);
    resampler.close();
    resampler.close();
    assert.throws(() => resampler.process(new Int16Array(160), new Int16Array(320)), /closed/);
    assert.throws(() => new FrameResampler(11_025, 8000), RangeError);
  });
});

describe('files', () => {
  for (const [from, to] of [
    [11_025, 8000],
    [22_050, 16_000],
    [44_100, 8000],
    [48_000, 16_000],
    [8000, 48_000],
    [4000, 8000],
    [192_000, 8000],
  ] as const) {
    it(`${from} to ${to}: as long as before, in tune, and the same however it is cut`, () => {
      const source = sine(700, 500, from);
      const whole = convert(source, from, to, [source.length]);
      assert.equal(whole.length, Math.round((source.length * to) / from));
      assert.ok(snr(whole.subarray(to / 20, (to * 9) / 20), 700, to) > 55);
      for (const sizes of [[1], [7], [160], [4096], [3, 1000, 1, 50]]) {
        assert.deepEqual(convert(source, from, to, sizes), whole);
      }
    });
  }

  it('begins when the file begins, to half a millisecond', () => {
    const click = new Int16Array(44_100);
    click.fill(20_000, 22_050);
    const heard = convert(click, 44_100, 8000, [1000]);
    const edge = heard.findIndex((sample) => sample > 10_000);
    assert.ok(Math.abs(edge - 4000) <= 4, String(edge));
  });

  it('the same rate passes through untouched', () => {
    const source = sine(440, 100, 8000);
    assert.deepEqual(convert(source, 8000, 8000, [33]), source);
  });
});
