/**
 * Leases on calls: the locks of their jobs in BullMQ's layout, renewed and swept by steps of our own. BullMQ's
 * would give up a lock that ran out while Redis was away, and hand every call to another worker when it is back;
 * ours is taken again by the owner that lives, and made again when Redis comes back empty. Used by `shared/queue.ts`.
 */
import type { Clock, Timer } from '../kernel/clock.ts';
import { type CallSid, isCallSid } from '../kernel/ids.ts';
import type { Logger } from '../kernel/log.ts';
import { texts } from './encoding.ts';
import { type RedisClient, RedisUnavailable, Script } from './redis.ts';

const steps = {
  renew: new Script('lease-renew'),
  sweep: new Script('lease-sweep'),
  handOver: new Script('lease-hand-over'),
};

/** How long a lease lasts unless renewed, and how often it is. */
export const LEASE_MS = 2500;
export const RENEW_EVERY_MS = 750;
const SWEEP_EVERY_MS = 700;
/** A lease has at least `LEASE_MS - RENEW_EVERY_MS` left at any time: so long a hole has cost none. */
const HOLE_MS = 2500;
/** After a hole: the longest pause of a connection that looks for Redis, and a renewal. */
const GRACE_MS = 5000;
/** Leases in one step; Redis does nothing else meanwhile. */
const BATCH = 250;

export interface Lease {
  /** The id of the job. */
  readonly id: string;
  /** Who holds it. */
  readonly token: string;
}

/** Lost, or else taken again or made again. */
interface Doubtful {
  readonly id: string;
  readonly isLost: boolean;
}

export class Leases {
  readonly #client: RedisClient;
  readonly #base: string;
  readonly #jobOptions: string;

  /** @param base prefix of the queue's keys, with its colon. @param jobOptions of a job that has to be made again. */
  constructor(client: RedisClient, base: string, jobOptions: object) {
    this.#client = client;
    this.#base = base;
    this.#jobOptions = JSON.stringify(jobOptions);
  }

  /** Renews them all; answers with those it was not that simple for. @throws RedisUnavailable */
  async renew(leases: readonly Lease[], nowMs: number): Promise<readonly Doubtful[]> {
    const doubtful: Doubtful[] = [];
    for (let from = 0; from < leases.length; from += BATCH) {
      const pairs = leases.slice(from, from + BATCH).flatMap(({ id, token }) => [id, token]);
      const values = [this.#base, LEASE_MS, nowMs, this.#jobOptions, ...pairs];
      const told = texts(await steps.renew.run(this.#client, [`${this.#base}active`], values));
      for (let at = 0; at < told.length; at += 2)
        doubtful.push({ id: told[at] ?? '', isLost: told[at + 1] === 'lost' });
    }
    return doubtful;
  }

  /** Lets these be taken by another at once: their owner is gone. @throws RedisUnavailable */
  async handOver(leases: readonly Lease[]): Promise<void> {
    for (let from = 0; from < leases.length; from += BATCH) {
      const pairs = leases.slice(from, from + BATCH).flatMap(({ id, token }) => [id, token]);
      await steps.handOver.run(this.#client, [`${this.#base}active`], [this.#base, ...pairs]);
    }
  }

  /** Lets calls whose owner is gone be taken by another. @throws RedisUnavailable */
  async sweep(): Promise<void> {
    const values = [this.#base, SWEEP_EVERY_MS, HOLE_MS, GRACE_MS];
    await steps.sweep.run(this.#client, [`${this.#base}active`], values);
  }
}

export interface LeaseKeeperOptions {
  readonly leases: Leases;
  readonly clock: Clock;
  readonly log: Logger;
  /** These leases were taken again or made again. */
  readonly onDoubt: (sids: readonly CallSid[]) => void;
  /** All leases were renewed by a step asked for at this time (monotonic), but these: somebody else has them. */
  readonly onRenewed: (askedAt: number, lost: readonly CallSid[]) => void;
}

/** Renews the leases of the calls that run here, and sweeps for those whose owner is gone, once a second each. */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  /** Tokens by call. */
  readonly #held = new Map<CallSid, string>();
  #timer: Timer | null = null;
  #stopped = false;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    this.#schedule();
  }

  hold(sid: CallSid, token: string): void {
    this.#held.set(sid, token);
  }

  /** Harmless when the call was handed to us again meanwhile. */
  release(sid: CallSid, token: string): void {
    if (this.#held.get(sid) === token) this.#held.delete(sid);
  }

  /** Nothing is renewed any more. Idempotent. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #schedule(): void {
    if (!this.#stopped) this.#timer = this.#options.clock.after(RENEW_EVERY_MS, () => void this.#round());
  }

  async #round(): Promise<void> {
    await Promise.all([this.#quietly(this.#renew()), this.#quietly(this.#options.leases.sweep())]);
    this.#schedule();
  }

  async #renew(): Promise<void> {
    const { leases, clock, onDoubt, onRenewed } = this.#options;
    const held = new Map(this.#held);
    const askedAt = clock.monotonic();
    const answer = await leases.renew(
      [...held].map(([id, token]) => ({ id, token })),
      clock.now(),
    );
    if (this.#stopped) return;
    // Not those that have ended, or were handed to us anew, meanwhile.
    const told = answer.flatMap(({ id, isLost }) =>
      isCallSid(id) && this.#held.get(id) === held.get(id) ? [{ id, isLost }] : [],
    );
    const doubtful = told.filter(({ isLost }) => !isLost).map(({ id }) => id);
    if (doubtful.length > 0) onDoubt(doubtful);
    onRenewed(
      askedAt,
      told.filter(({ isLost }) => isLost).map(({ id }) => id),
    );
  }

  /** While Redis is away there is nothing to be done but to come again. */
  async #quietly(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      if (!(error instanceof RedisUnavailable)) this.#options.log.error({ err: error }, 'leases could not be kept');
    }
  }
}
