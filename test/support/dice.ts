/**
 * Chance for fuzz tests: seeded, so that a failure comes again. By default as many rounds as a test asks for;
 * with FUZZ_SECONDS=60 each test goes on that long, and with FUZZ_SEED=7 elsewhere.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_123);
const SECONDS = Number(process.env['FUZZ_SECONDS'] ?? 0);

export class Dice {
  #state: number;

  /** Another sequence for each round of a test, so that one can be run again alone. */
  constructor(seed: number, round = 0) {
    this.#state = (seed ^ SEED ^ Math.imul(round, 0x9e3779b1)) >>> 0;
  }

  /** 0 to 1, without 1 (Mulberry32). */
  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** 0 to `below`, without it. */
  below(below: number): number {
    return Math.floor(this.fraction() * below);
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Uint8Array.from({ length }, () => this.below(256)));
  }

  /** A copy with up to `times` bytes changed, cut out, doubled or cut off. */
  spoil(original: Buffer, times: number): Buffer {
    let bytes = Buffer.from(original);
    for (let left = 1 + this.below(times); left > 0 && bytes.length > 0; left--) {
      const at = this.below(bytes.length);
      const length = 1 + this.below(16);
      const kind = this.below(10);
      if (kind < 6)
        bytes[at] = this.pick([0, 0x7f, 0x80, 0xff, this.below(256), (bytes[at] ?? 0) ^ (1 << this.below(8))]);
      else if (kind < 7) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
      else if (kind < 8) bytes = Buffer.concat([bytes.subarray(0, at), this.bytes(length), bytes.subarray(at)]);
      else if (kind < 9)
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at)]);
      else bytes = bytes.subarray(0, at);
    }
    return bytes;
  }
}

/** Counts rounds: `least` of them, or as many as FUZZ_SECONDS has room for. */
export function* rounds(least: number): Generator<number, void, void> {
  const until = process.hrtime.bigint() + BigInt(Math.round(SECONDS * 1e9));
  for (let round = 0; round < least || process.hrtime.bigint() < until; round++) yield round;
}

/** Bytes in use after a full collection. */
export function heapInUse(): number {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect === 'function') for (let turn = 0; turn < 3; turn++) collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
