/**
 * RTP port pairs of one thread: even for RTP, the next one for RTCP (RFC 3550 §11). A pair that was
 * given back rests for a while, so that late packets of the old call do not reach the next one.
 * The pair longest at rest is given out first.
 */
import type { Clock } from '../../shared/kernel/clock.ts';
import { ExpectedFailure } from '../../shared/kernel/expected-failure.ts';

export interface PortRange {
  readonly low: number;
  readonly high: number;
}

export interface PortPair {
  readonly rtp: number;
  readonly rtcp: number;
}

/** Expected failure: every pair is in use or at rest. */
export class PortsFull extends ExpectedFailure {
  override readonly name = 'PortsFull';
  constructor(range: PortRange) {
    super(`no free RTP port between ${range.low} and ${range.high}`);
  }
}

/** The part of a range that belongs to thread `index` of `count`; no two share a pair. */
export function portsOfThread(range: PortRange, index: number, count: number): PortRange {
  const first = range.low + (range.low % 2);
  const pairs = Math.floor((range.high - first + 1) / 2);
  const from = Math.floor((pairs * index) / count);
  const to = Math.floor((pairs * (index + 1)) / count);
  return { low: first + from * 2, high: first + to * 2 - 1 };
}

interface Resting {
  readonly port: number;
  readonly freeAt: number;
}

export class PortPool {
  readonly #range: PortRange;
  readonly #clock: Clock;
  readonly #drainMs: number;
  readonly #used = new Set<number>();
  /** Oldest first. */
  #resting: Resting[] = [];

  /** `drainMs`: how long a pair rests; `start` (0 … 1) is where in the range the first pair is taken. */
  constructor(range: PortRange, clock: Clock, drainMs = 5000, start = Math.random()) {
    this.#range = range;
    this.#clock = clock;
    this.#drainMs = drainMs;
    const ports: number[] = [];
    for (let port = range.low + (range.low % 2); port < range.high; port += 2) ports.push(port);
    const turn = Math.floor(ports.length * start);
    this.#resting = [...ports.slice(turn), ...ports.slice(0, turn)].map((port) => ({
      port,
      freeAt: Number.NEGATIVE_INFINITY,
    }));
  }

  /** Pairs given out now. */
  get used(): number {
    return this.#used.size;
  }

  /** Pairs of the range. */
  get size(): number {
    return this.#used.size + this.#resting.length;
  }

  /** Pairs that `take` would give now. */
  get free(): number {
    const now = this.#clock.monotonic();
    // Sorted by when they are free: those that are come first.
    const resting = this.#resting.findIndex(({ freeAt }) => freeAt > now);
    return resting === -1 ? this.#resting.length : resting;
  }

  /** @throws PortsFull when nothing is free. */
  take(): PortPair {
    const next = this.#resting[0];
    if (next === undefined || next.freeAt > this.#clock.monotonic()) throw new PortsFull(this.#range);
    this.#resting.shift();
    this.#used.add(next.port);
    return { rtp: next.port, rtcp: next.port + 1 };
  }

  /** Gives a pair back; harmless twice. */
  release(pair: PortPair): void {
    if (!this.#used.delete(pair.rtp)) return;
    this.#resting.push({ port: pair.rtp, freeAt: this.#clock.monotonic() + this.#drainMs });
  }
}
