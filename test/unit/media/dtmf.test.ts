import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DtmfDetector } from '../../../worker/media/dtmf/detector.ts';
import { dtmfTones, tonesOf } from '../../../worker/media/dtmf/tones.ts';
import type { LegRate } from '../../../worker/media/frame.ts';
import { concat, sine, toneLevel } from '../../support/tone.ts';

const DIGITS = '1234567890*#ABCD';

/** Same noise every run, uniform, peak `level`. */
function noise(length: number, level: number): Int16Array {
  let state = 99;
  return Int16Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return Math.round((state / 0x8000_0000) * level * 32_767);
  });
}

const add = (one: Int16Array, other: Int16Array): Int16Array => one.map((sample, i) => sample + (other[i] ?? 0));

function hear(samples: Int16Array, rate: LegRate = 8000): { digits: string; durations: number[] } {
  let digits = '';
  const durations: number[] = [];
  const detector = new DtmfDetector(rate, (digit, durationMs) => {
    digits += digit;
    durations.push(durationMs);
  });
  const padded = concat(samples, new Int16Array(rate / 5));
  for (let at = 0; at < padded.length; at += rate / 50) detector.add(padded.subarray(at, at + rate / 50));
  return { digits, durations };
}

/** A pair of tones, `off` of their pitch (0.01 is 1 %), after `delay` samples of silence. */
function tone(
  digit: string,
  ms: number,
  { off = 0, lowDb = -10, highDb = -10, delay = 0, rate = 8000 } = {},
): Int16Array {
  const tones = tonesOf(digit);
  assert.ok(tones, `${digit} has tones`);
  const low = sine(tones.low * (1 + off), ms, rate, 10 ** (lowDb / 20));
  const high = sine(tones.high * (1 + off), ms, rate, 10 ** (highDb / 20));
  return concat(new Int16Array(delay), add(low, high));
}

describe('making digits', () => {
  it('each digit is its two tones (Q.23), at the level asked for', () => {
    for (const digit of DIGITS) {
      const samples = dtmfTones(digit, { rate: 8000, toneMs: 200, gapMs: 0, lowDb: -12, highDb: -10 });
      const tones = tonesOf(digit);
      assert.ok(samples && tones, digit);
      const low = 20 * Math.log10(toneLevel(samples, tones.low, 8000));
      const high = 20 * Math.log10(toneLevel(samples, tones.high, 8000));
      assert.ok(Math.abs(low + 12) < 0.5 && Math.abs(high + 10) < 0.5, `${digit}: ${low} and ${high} dB`);
    }
  });

  it('w and W are half a second and a second; other characters are refused', () => {
    assert.equal(dtmfTones('wW', { rate: 8000 })?.length, 12_000);
    assert.equal(dtmfTones('1x', { rate: 8000 }), null);
    assert.equal(tonesOf('12'), null);
    assert.equal(tonesOf(''), null);
  });
});

describe('hearing digits (Q.24)', () => {
  for (const rate of [8000, 16_000] as const) {
    it(`all sixteen at ${rate} Hz, 40 ms on and 40 ms off`, () => {
      const samples = dtmfTones(DIGITS, { rate, toneMs: 42, gapMs: 40 });
      assert.ok(samples, 'they have tones');
      assert.equal(hear(samples, rate).digits, DIGITS);
    });
  }

  it('a digit twice is two, a digit held is one, and its length is told', () => {
    assert.equal(hear(dtmfTones('5566', { rate: 8000 }) ?? new Int16Array(0)).digits, '5566');
    const held = hear(tone('5', 1000));
    assert.equal(held.digits, '5');
    assert.ok(Math.abs((held.durations[0] ?? 0) - 1000) <= 15, `${held.durations} ms`);
  });

  it('40 ms counts and 23 ms does not, wherever it falls', () => {
    for (let delay = 0; delay < 160; delay += 7) {
      for (const digit of DIGITS) {
        assert.equal(hear(tone(digit, 40, { delay })).digits, digit, `40 ms of ${digit} after ${delay} samples`);
        assert.equal(hear(tone(digit, 22.5, { delay })).digits, '', `23 ms of ${digit} after ${delay} samples`);
      }
    }
  });

  it('1.5 % off pitch counts and 3.5 % does not', () => {
    for (const digit of DIGITS) {
      for (const sign of [1, -1]) {
        assert.equal(hear(tone(digit, 60, { off: sign * 0.015 })).digits, digit, `${digit} ${sign * 1.5} %`);
        assert.equal(hear(tone(digit, 100, { off: sign * 0.035 })).digits, '', `${digit} ${sign * 3.5} %`);
      }
    }
  });

  it('from full level down to -35 dBFS, and not at -50', () => {
    for (const level of [-7, -20, -35]) {
      for (const digit of DIGITS) {
        assert.equal(hear(tone(digit, 50, { lowDb: level, highDb: level })).digits, digit, `${digit} at ${level}`);
      }
    }
    assert.equal(hear(tone('5', 100, { lowDb: -50, highDb: -50 })).digits, '');
  });

  it('twist: high 4 dB over and 8 dB under low counts, far more does not', () => {
    for (const digit of DIGITS) {
      assert.equal(hear(tone(digit, 50, { lowDb: -14, highDb: -10 })).digits, digit, `${digit} +4`);
      assert.equal(hear(tone(digit, 50, { lowDb: -10, highDb: -18 })).digits, digit, `${digit} -8`);
      assert.equal(hear(tone(digit, 100, { lowDb: -22, highDb: -10 })).digits, '', `${digit} +12`);
      assert.equal(hear(tone(digit, 100, { lowDb: -10, highDb: -26 })).digits, '', `${digit} -16`);
    }
  });

  it('through noise 15 dB below the tones', () => {
    const samples = dtmfTones(DIGITS, { rate: 8000, toneMs: 50, gapMs: 50, lowDb: -13, highDb: -13 });
    assert.ok(samples, 'they have tones');
    assert.equal(hear(add(samples, noise(samples.length, 10 ** (-26 / 20)))).digits, DIGITS);
  });

  it('a break of 8 ms does not make one digit two', () => {
    const samples = concat(tone('7', 60), new Int16Array(64), tone('7', 60));
    assert.equal(hear(samples).digits, '7');
  });

  it('noise, single tones, chords and glides are no digits', () => {
    assert.equal(hear(noise(80_000, 0.5)).digits, '');
    for (const hertz of [350, 440, 697, 941, 1209, 1633, 2100]) assert.equal(hear(sine(hertz, 500, 8000)).digits, '');
    const dialTone = add(sine(350, 1000, 8000, 0.2), sine(440, 1000, 8000, 0.2));
    const ringTone = add(sine(440, 1000, 8000, 0.2), sine(480, 1000, 8000, 0.2));
    const voiced = [200, 400, 600, 800, 1000, 1200, 1400].map((hertz) => sine(hertz, 1000, 8000, 0.1)).reduce(add);
    for (const chord of [dialTone, ringTone, voiced]) assert.equal(hear(chord).digits, '');
    const glide = Int16Array.from({ length: 4000 }, (_, i) => {
      const t = i / 8000;
      return Math.round(
        6000 * (Math.sin(2 * Math.PI * (600 + 800 * t) * t) + Math.sin(2 * Math.PI * (1100 + 1000 * t) * t)),
      );
    });
    assert.equal(hear(glide).digits, '');
  });
});
