/**
 * Leases on calls, as steps on Redis beside BullMQ's own. A lease is an owner's, one for all its calls: keeping
 * it costs the same whether it has one call or thousands. BullMQ hands a call out; from then on it is among those its owner
 * holds, and when the owner's lease runs out they are found there and given back to BullMQ. An owner that lives takes
 * its calls again after Redis was away, and makes them again when Redis comes back empty. Kept by lease-keeper.ts.
 */
import type { CallSid, OwnerId } from '../kernel/ids.ts';
import { texts } from './encoding.ts';
import { attempt, type RedisClient, Script } from './redis.ts';

const step = (name: string): Script => new Script('lease', `lease-${name}`);
const steps = {
  renew: step('renew'),
  take: step('take'),
  end: step('end'),
  reclaim: step('reclaim'),
  handOver: step('hand-over'),
  sweep: step('sweep'),
  drop: step('drop'),
};

/** How long a lease lasts unless renewed, and how often it is. */
export const LEASE_MS = 2500;
export const RENEW_EVERY_MS = 750;
const SWEEP_EVERY_MS = 700;
/**
 * So long between two sweeps, and it was Redis that was away. A lease has `LEASE_MS - RENEW_EVERY_MS` left for certain, 1750 ms:
 * whatever keeps Redis from all owners for longer must be a hole. What is none has cost nobody a lease, with 250 ms to
 * spare, and sweeps are 700 to 850 ms apart by themselves.
 */
const HOLE_MS = 1500;
/** To an owner that was not there to see: perhaps nobody was, and the only worker has just been started again. */
const UNSEEN_HOLE_MS = LEASE_MS;
/** After a hole: the longest pause of a connection that looks for Redis, and a renewal. */
const GRACE_MS = 5000;
/** Calls in one step; Redis does nothing else meanwhile. */
const BATCH = 250;

/** A call an owner holds. The number tells this taking from others of the same call by the same owner. */
export interface HeldCall {
  readonly sid: CallSid;
  readonly take: number;
}

/** How a call is let go of: nobody's any more, another owner's to take, or that as if this one had died with it. */
export type LetGo = 'over' | 'released' | 'broken';

/** A call that was not simply still held: lost to another, or else taken again or made again. */
export interface Reclaimed {
  readonly call: HeldCall;
  readonly isLost: boolean;
}

/** Every method throws `RedisUnavailable` when Redis is away. */
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

  /** False when the calls of this owner may be others' by now: it has a lease from here on, but must reclaim them. */
  async renew(owner: OwnerId): Promise<boolean> {
    return (await this.#run(steps.renew, owner, LEASE_MS)) === 1;
  }

  /** Makes a job that BullMQ gave out under this token the owner's; `unknown`: the owner has no lease. May be repeated. */
  async take(owner: OwnerId, { sid, take }: HeldCall, token: string): Promise<'held' | 'lost' | 'unknown'> {
    const answer = await this.#run(steps.take, owner, sid, take, token);
    return answer === 'held' || answer === 'unknown' ? answer : 'lost';
  }

  /** Lets go of calls. What the owner does not hold under this number is left alone: so it may be repeated. */
  async letGo(owner: OwnerId, calls: readonly { readonly call: HeldCall; readonly how: LetGo }[]): Promise<void> {
    for (let from = 0; from < calls.length; from += BATCH) {
      const batch = calls.slice(from, from + BATCH);
      await this.#run(steps.end, owner, ...batch.flatMap(({ call, how }) => [call.sid, call.take, how]));
    }
  }

  /** Of up to `reclaimAtOnce` calls, those that were not simply still held; `unknown`: the owner has no lease. */
  async reclaim(owner: OwnerId, calls: readonly HeldCall[], nowMs: number): Promise<readonly Reclaimed[] | 'unknown'> {
    const pairs = calls.flatMap(({ sid, take }) => [sid, take]);
    const answer = await this.#run(steps.reclaim, owner, nowMs, this.#jobOptions, ...pairs);
    if (answer === 'unknown') return answer;
    const told = texts(answer);
    const whats = new Map<string, string>();
    for (let at = 0; at + 1 < told.length; at += 2) whats.set(told[at] ?? '', told[at + 1] ?? '');
    return calls.flatMap((call) => {
      const what = whats.get(call.sid);
      return what === undefined ? [] : [{ call, isLost: what === 'lost' }];
    });
  }

  /** What Redis says the owner holds. */
  async held(owner: OwnerId): Promise<readonly HeldCall[]> {
    const pairs = await attempt(this.#client.zrange(`${this.#base}held:${owner}`, 0, '-1', 'WITHSCORES'));
    return Array.from({ length: pairs.length / 2 }, (_none, at) => ({
      sid: pairs[2 * at] as CallSid,
      take: Number(pairs[2 * at + 1]),
    }));
  }

  /** Lets all calls of an owner that is gone be taken by others at once; answers how many. */
  async handOver(owner: OwnerId): Promise<number> {
    for (let all = 0; ; ) {
      const handed = Number(await this.#run(steps.handOver, owner));
      if (handed === 0) return all;
      all += handed;
    }
  }

  /** Lets calls whose owner's lease ran out be taken by others. `sweepingMs`: for how long the asker has been asking. */
  async sweep(sweepingMs: number): Promise<void> {
    const holeMs = sweepingMs > UNSEEN_HOLE_MS ? HOLE_MS : UNSEEN_HOLE_MS;
    while ((await this.#run(steps.sweep, SWEEP_EVERY_MS, holeMs, GRACE_MS)) === 1);
  }

  /** Takes a call that waits off the queue; one that an owner has stays. */
  async drop(sid: CallSid): Promise<void> {
    await this.#run(steps.drop, sid);
  }

  /** Tells when another server may be at the other end, which may not have all that was said to the one before. */
  onReconnect(tell: () => void): () => void {
    this.#client.on('ready', tell);
    return () => this.#client.off('ready', tell);
  }

  #run(script: Script, ...values: readonly (string | number)[]): Promise<unknown> {
    return script.run(this.#client, [`${this.#base}owners`], [this.#base, ...values]);
  }
}

/** What `reclaim` takes at most. */
export const reclaimAtOnce = BATCH;
