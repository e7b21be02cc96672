/**
 * Whether Redis has lost what it held since we opened it: a key of its own, drawn by the first who misses it.
 * For a moment after such a loss, calls that run are unknown until their owners have written them again: what is
 * not found then may well exist.
 */
import { randomBytes } from 'node:crypto';
import { generationKey } from './keys.ts';
import { attempt } from './redis.ts';
import type { StoreScope } from './scope.ts';

/** Owners notice within a second or two; the longest pause of a connection that looks for Redis is added. */
const MOMENT_MS = 8000;

export class Generation {
  readonly #scope: StoreScope;
  #known: string | null = null;
  #lostAtMs = Number.NEGATIVE_INFINITY;

  constructor(scope: StoreScope) {
    this.#scope = scope;
  }

  /** What it is now; asked once at the start, so that a later one is told apart. @throws RedisUnavailable */
  async learn(): Promise<void> {
    const { client, clock } = this.#scope;
    const found = await attempt(client.get(generationKey));
    const drawn = randomBytes(8).toString('hex');
    const isDrawn = found === null && (await attempt(client.setnx(generationKey, drawn))) === 1;
    const generation = found ?? (isDrawn ? drawn : await attempt(client.get(generationKey)));
    if (this.#known !== null && generation !== this.#known) this.#lostAtMs = clock.monotonic();
    this.#known = generation;
  }

  /** Whether calls may be unknown now that exist. @throws RedisUnavailable */
  async isForgetful(): Promise<boolean> {
    await this.learn();
    return this.#scope.clock.monotonic() - this.#lostAtMs < MOMENT_MS;
  }
}
