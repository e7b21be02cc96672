/** A figure over time, and whether it grows: a straight line by least squares through what was seen after the warm-up. */

export interface Point {
  readonly atMs: number;
  readonly value: number;
}

export interface Trend {
  readonly mean: number;
  /** Of the line, over the whole time that is looked at. */
  readonly growth: number;
  readonly perMinute: number;
}

/** What may grow without being a leak: caches fill, heaps find their size, noise is not flat. */
export interface Allowance {
  /** Of the mean. */
  readonly share: number;
  readonly absolute: number;
}

export class Series {
  readonly points: Point[] = [];

  add(atMs: number, value: number): void {
    this.points.push({ atMs, value });
  }

  get last(): number {
    return this.points.at(-1)?.value ?? 0;
  }

  /** Of all points from `fromMs` on; null of fewer than three. */
  trend(fromMs: number): Trend | null {
    const seen = this.points.filter(({ atMs }) => atMs >= fromMs);
    const [first, last] = [seen[0], seen.at(-1)];
    if (first === undefined || last === undefined || seen.length < 3) return null;
    const meanAt = seen.reduce((sum, { atMs }) => sum + atMs, 0) / seen.length;
    const mean = seen.reduce((sum, { value }) => sum + value, 0) / seen.length;
    const covariance = seen.reduce((sum, { atMs, value }) => sum + (atMs - meanAt) * (value - mean), 0);
    const variance = seen.reduce((sum, { atMs }) => sum + (atMs - meanAt) ** 2, 0);
    const slope = variance === 0 ? 0 : covariance / variance;
    return { mean, growth: slope * (last.atMs - first.atMs), perMinute: slope * 60_000 };
  }
}

export const isFlat = ({ mean, growth }: Trend, { share, absolute }: Allowance): boolean =>
  growth <= Math.max(mean * share, absolute);
