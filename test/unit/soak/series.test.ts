/** Whether a leak is seen through noise, and noise is not taken for one. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Allowance, isFlat, Series } from '../../soak/series.ts';

const allowance: Allowance = { share: 0.1, absolute: 8 };
const minutes = (count: number, valueAt: (minute: number) => number): Series => {
  const series = new Series();
  for (let step = 0; step <= count * 12; step++) series.add(step * 5000, valueAt(step / 12));
  return series;
};
const saw = (minute: number): number => ((minute * 12) % 7) - 3;

describe('the trend of a series', () => {
  it('is the slope of a line', () => {
    const trend = minutes(10, (minute) => 100 + 3 * minute).trend(0);
    assert.ok(trend);
    assert.ok(Math.abs(trend.perMinute - 3) < 1e-9 && Math.abs(trend.growth - 30) < 1e-9);
  });

  it('of a leak of 2 MB a minute is not flat, through a noise of 7 MB', () => {
    const trend = minutes(10, (minute) => 100 + 2 * minute + saw(minute)).trend(120_000);
    assert.ok(trend && !isFlat(trend, allowance));
  });

  it('of noise alone is flat', () => {
    const trend = minutes(10, (minute) => 100 + saw(minute)).trend(120_000);
    assert.ok(trend && isFlat(trend, allowance));
  });

  it('is not spoilt by the warm-up', () => {
    const trend = minutes(10, (minute) => Math.min(100, 50 + 50 * minute)).trend(120_000);
    assert.ok(trend && isFlat(trend, allowance));
    assert.equal(Math.round(trend.growth), 0);
  });

  it('is unknown of two points', () => {
    assert.equal(minutes(0.1, () => 1).trend(0), null);
  });
});
