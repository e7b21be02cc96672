import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ComfortNoise, comfortLevel } from '../../../worker/media/comfort.ts';
import { Concealment } from '../../../worker/media/concealment.ts';
import { dbfs, LevelMeter, SILENCE_DBFS } from '../../../worker/media/level.ts';
import { mixInto, mixMinus } from '../../../worker/media/mixer.ts';
import { concat, rms, sine, toneLevel } from '../../support/tone.ts';

/** Plays a sine through frames of which those in `lost` never come. */
function throughLoss(rate: 8000 | 16_000, lost: readonly number[], frames: number): Int16Array {
  const concealment = new Concealment(rate);
  const size = rate / 50;
  const source = sine(200, frames * 20, rate);
  const heard: Int16Array[] = [];
  for (let n = 0; n < frames; n++) {
    const frame = source.slice(n * size, (n + 1) * size);
    if (lost.includes(n)) concealment.lost(frame);
    else concealment.good(frame);
    heard.push(frame);
  }
  return concat(...heard);
}

const largestStep = (samples: Int16Array): number =>
  samples.reduce((most, sample, i) => Math.max(most, i === 0 ? 0 : Math.abs(sample - (samples[i - 1] ?? 0))), 0);

describe('concealment', () => {
  for (const rate of [8000, 16_000] as const) {
    it(`one lost frame at ${rate} Hz: the tone goes on, without a click`, () => {
      const heard = throughLoss(rate, [10], 20);
      const gap = heard.subarray(rate / 5, rate / 5 + rate / 50);
      const level = toneLevel(gap, 200, rate);
      assert.ok(level > 0.3, `level ${level} in the gap`);
      const natural = largestStep(sine(200, 400, rate));
      assert.ok(largestStep(heard) < natural * 1.5, `${largestStep(heard)} against ${natural}`);
    });
  }

  it('a long gap is silent after 60 ms, and says so', () => {
    const concealment = new Concealment(8000);
    for (let n = 0; n < 5; n++) concealment.good(sine(200, 20, 8000));
    const frame = new Int16Array(160);
    const audible = Array.from({ length: 5 }, () => [concealment.lost(frame), rms(frame)] as const);
    assert.deepEqual(
      audible.map(([heard]) => heard),
      [true, true, true, false, false],
    );
    const levels = audible.map(([, level]) => level);
    assert.ok((levels[0] ?? 0) > (levels[1] ?? 0) && (levels[1] ?? 0) > (levels[2] ?? 0), levels.join());
    assert.equal(levels[3], 0);
  });

  it('after silence the audio comes in over 5 ms', () => {
    const heard = throughLoss(8000, [10, 11, 12, 13, 14, 15], 20);
    const natural = largestStep(sine(200, 400, 8000));
    assert.ok(largestStep(heard) < natural * 1.5, `${largestStep(heard)} against ${natural}`);
  });

  it('a loss before anything was heard is silence', () => {
    const frame = new Int16Array(160).fill(5);
    new Concealment(8000).lost(frame);
    assert.equal(rms(frame), 0);
  });
});

describe('comfort noise', () => {
  it('has the level it is told, and never a loud one', () => {
    const comfort = new ComfortNoise();
    const out = new Int16Array(8000);
    comfort.fill(out);
    assert.equal(rms(out), 0);
    comfort.level = comfortLevel(50);
    comfort.fill(out);
    const measured = 20 * Math.log10(rms(out));
    assert.ok(Math.abs(measured + 50) < 0.5, `${measured} dBFS`);
    comfort.level = comfortLevel(0);
    comfort.fill(out);
    assert.ok(20 * Math.log10(rms(out)) < -29, 'quiet');
  });
});

describe('level', () => {
  it('a sine of half scale is -9 dBFS in the mean and -6 at its peak; then it starts anew', () => {
    const meter = new LevelMeter();
    meter.add(sine(1000, 1000, 8000));
    const { rmsDbfs, peakDbfs } = meter.take();
    assert.ok(Math.abs(rmsDbfs + 9.03) < 0.1, `${rmsDbfs}`);
    assert.ok(Math.abs(peakDbfs + 6.02) < 0.1, `${peakDbfs}`);
    assert.deepEqual(meter.take(), { rmsDbfs: SILENCE_DBFS, peakDbfs: SILENCE_DBFS });
    assert.equal(dbfs(32_768), 0);
  });
});

describe('mixer', () => {
  it('adds, and stays inside 16 bits', () => {
    const out = Int16Array.of(100, 30_000, -30_000);
    mixInto(out, Int16Array.of(1, 30_000, -30_000));
    assert.deepEqual(out, Int16Array.of(101, 32_767, -32_768));
    assert.throws(() => mixInto(new Int16Array(1), out), RangeError);
  });

  it('gives each party the others', () => {
    const parts = [Int16Array.of(1, 20_000), Int16Array.of(10, 20_000), Int16Array.of(100, -5)];
    const out = new Int16Array(2);
    mixMinus(parts, 0, out);
    assert.deepEqual(out, Int16Array.of(110, 19_995));
    mixMinus(parts, 2, out);
    assert.deepEqual(out, Int16Array.of(11, 32_767));
  });
});
