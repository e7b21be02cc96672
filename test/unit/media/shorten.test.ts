/** A frame out of more than a frame: what is left out is whole periods, so that pitch and loudness stay and nothing clicks. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findShortening, reachOf, shorten } from '../../../worker/media/shorten.ts';
import { sine, toneLevel } from '../../support/tone.ts';

/** Plays all of `sound` as fast as it may; answers with what is heard. */
function hurried(sound: Int16Array, rate: number): Int16Array {
  const frame = rate / 50;
  const heard = new Int16Array(sound.length);
  const out = new Int16Array(frame);
  let length = 0;
  for (let at = 0; at + frame + reachOf(rate) <= sound.length; length += frame) {
    const rest = sound.subarray(at, at + frame + reachOf(rate));
    const leftOut = findShortening(rest, rest.length, frame, reachOf(rate), rate, false);
    if (leftOut === 0) out.set(rest.subarray(0, frame));
    else shorten(rest, leftOut, out, rate);
    heard.set(out, length);
    at += frame + leftOut;
  }
  return heard.subarray(0, length);
}

/** In pieces of 20 ms: no cut is exactly a period long, and a long look would see the phase move. */
function meanLevel(samples: Int16Array, hertz: number, rate: number): number {
  const frame = rate / 50;
  const frames = Math.floor(samples.length / frame);
  let sum = 0;
  for (let i = 0; i < frames; i++) sum += toneLevel(samples.subarray(i * frame, (i + 1) * frame), hertz, rate);
  return sum / frames;
}

const largestStep = (samples: Int16Array): number =>
  samples.reduce((most, sample, at) => (at === 0 ? 0 : Math.max(most, Math.abs(sample - (samples[at - 1] ?? 0)))), 0);

describe('shortening', () => {
  for (const rate of [8000, 16_000]) {
    for (const hertz of [100, 220, 440, 1000, 2900]) {
      it(`${hertz} Hz at ${rate} Hz: shorter, of the same pitch and loudness, without a click`, () => {
        const sound = sine(hertz, 2000, rate, 0.5);
        const heard = hurried(sound, rate);
        assert.ok(heard.length < 0.85 * sound.length, `${heard.length} of ${sound.length}`);
        const level = meanLevel(heard, hertz, rate);
        assert.ok(Math.abs(level / meanLevel(sound, hertz, rate) - 1) < 0.15, `level ${level}`);
        assert.ok(largestStep(heard) <= 1.25 * largestStep(sound), `a step of ${largestStep(heard)}`);
      });
    }
  }

  it('of silence everything that may go goes', () => {
    assert.equal(findShortening(new Int16Array(320), 320, 160, 160, 8000, false), 160);
    assert.equal(findShortening(new Int16Array(320), 320, 160, 37, 8000, false), 37);
  });

  it('of noise nothing goes, unless it must', () => {
    let seed = 1;
    const noise = Int16Array.from({ length: 320 }, () => {
      seed = (seed * 48_271) % 0x7fff_ffff;
      return (seed % 20_000) - 10_000;
    });
    assert.equal(findShortening(noise, 320, 160, 160, 8000, false), 0);
    assert.ok(findShortening(noise, 320, 160, 160, 8000, true) >= 20);
  });

  it('never more than there is, nor a cut too small to be a period', () => {
    const sound = sine(440, 40, 8000, 0.5);
    assert.equal(findShortening(sound, 160, 160, 160, 8000, true), 0);
    assert.equal(findShortening(sound, 175, 160, 160, 8000, true), 0);
  });
});
