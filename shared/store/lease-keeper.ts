/**
 * Keeps the lease of one owner, and knows the calls it holds under it: renews it, sweeps for owners that are gone, and after
 * any doubt whether all its calls are still its own asks for each. Made by `shared/queue` for whoever works calls,
 * who stops it.
 */
import type { Clock, Timer } from '../kernel/clock.ts';
import { pause } from '../kernel/deadline.ts';
import type { CallSid, OwnerId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/log.ts';
import {
  type HeldCall,
  LEASE_MS,
  type Leases,
  type LetGo,
  RENEW_EVERY_MS,
  type Reclaimed,
  reclaimAtOnce,
} from './leases.ts';
import { RedisUnavailable } from './redis.ts';

/** Between two attempts to take a call while Redis is away. */
const RETRY_MS = 100;

export interface LeaseKeeperOptions {
  readonly owner: OwnerId;
  readonly leases: Pick<Leases, 'renew' | 'take' | 'letGo' | 'reclaim' | 'held' | 'handOver' | 'sweep' | 'onReconnect'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** These calls were taken again or made again. */
  readonly onDoubt: (sids: readonly CallSid[]) => void;
  /** The lease was renewed by a step asked for at this time (monotonic), and all calls are ours but these. */
  readonly onRenewed: (askedAt: number, lost: readonly CallSid[]) => void;
}

export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  /** Numbers of the takings by call. */
  readonly #held = new Map<CallSid, number>();
  /** Numbers of takings that Redis may know of, and we not yet. */
  readonly #taking = new Set<number>();
  /** What Redis was not there to hear. */
  #unsaid: { readonly call: HeldCall; readonly how: LetGo }[] = [];
  #takes = 0;
  /** How often there was reason to ask for each call, and up to which of them was asked. */
  #doubts = 0;
  #cleared = 0;
  #renewing: Promise<void> | null = null;
  #timer: Timer | null = null;
  #stopped = false;
  readonly #deafen: () => void;
  readonly #beganAt: number;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    this.#beganAt = options.clock.monotonic();
    this.#deafen = options.leases.onReconnect(() => {
      this.#doubts += 1;
    });
    // At once: when the only worker is started again, nobody else does, and a longer pause would look like Redis's own.
    void this.#sweep();
    this.#schedule();
  }

  /** A job that BullMQ gave us under this token becomes a call of ours; null when it is not to be ours. */
  async take(sid: CallSid, token: string): Promise<HeldCall | null> {
    this.#takes += 1;
    const call = { sid, take: this.#takes };
    this.#taking.add(call.take);
    try {
      return (await this.#take(call, token)) ? call : null;
    } finally {
      this.#taking.delete(call.take);
    }
  }

  async #take(call: HeldCall, token: string): Promise<boolean> {
    const { clock, owner, leases } = this.#options;
    // By then the job's lock has run out, and somebody else is to have it.
    const untilMs = clock.monotonic() + LEASE_MS;
    while (!this.#stopped && clock.monotonic() < untilMs) {
      try {
        const answer = await leases.take(owner, call, token);
        if (answer === 'lost') return false;
        if (answer === 'held') {
          this.#held.set(call.sid, call.take);
          return true;
        }
        await this.#renewOnce();
      } catch (error) {
        if (!(error instanceof RedisUnavailable)) throw error;
        await pause(clock, RETRY_MS);
      }
    }
    // It may have been done and the answer lost.
    this.#unsaid.push({ call, how: 'released' });
    return false;
  }

  /** The call is no longer ours to run. Harmless when it was lost before. Never rejects. */
  async letGo(call: HeldCall, how: LetGo): Promise<void> {
    if (this.#held.get(call.sid) !== call.take) return;
    this.#held.delete(call.sid);
    await this.#say([{ call, how }]);
  }

  /** Nothing is renewed any more: as if the owner had died. Idempotent. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#deafen();
  }

  /** Stops, and gives back what is left. Never rejects. */
  async leave(): Promise<void> {
    if (this.#stopped) return;
    this.stop();
    const { leases, owner } = this.#options;
    await this.#quietly(leases.handOver(owner));
  }

  #schedule(): void {
    if (!this.#stopped) this.#timer = this.#options.clock.after(RENEW_EVERY_MS, () => void this.#round());
  }

  async #round(): Promise<void> {
    const unsaid = this.#unsaid;
    this.#unsaid = [];
    await Promise.all([this.#quietly(this.#renewOnce()), this.#say(unsaid), this.#sweep()]);
    this.#schedule();
  }

  #sweep(): Promise<void> {
    const { leases, clock } = this.#options;
    return this.#quietly(leases.sweep(clock.monotonic() - this.#beganAt));
  }

  #renewOnce(): Promise<void> {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  async #renew(): Promise<void> {
    const { leases, clock, owner, onDoubt, onRenewed } = this.#options;
    const askedAt = clock.monotonic();
    if (!(await leases.renew(owner))) this.#doubts += 1;
    const doubts = this.#doubts;
    const told = this.#cleared < doubts ? await this.#reclaim() : [];
    // Without an answer to all of it nothing is renewed; the next round asks again.
    if (this.#stopped || told === null) return;
    this.#cleared = doubts;
    const doubtful = told.filter(({ isLost }) => !isLost).map(({ call }) => call.sid);
    if (doubtful.length > 0) onDoubt(doubtful);
    onRenewed(
      askedAt,
      told.filter(({ isLost }) => isLost).map(({ call }) => call.sid),
    );
  }

  /** Which of our calls were not simply still ours; null when the lease was gone again meanwhile. */
  async #reclaim(): Promise<readonly Reclaimed[] | null> {
    const { leases, clock, owner } = this.#options;
    const told: Reclaimed[] = [];
    const all = [...this.#held].map(([sid, take]) => ({ sid, take }));
    for (let from = 0; from < all.length; from += reclaimAtOnce) {
      const batch = all.slice(from, from + reclaimAtOnce).filter((call) => this.#isHeld(call));
      const answer = await leases.reclaim(owner, batch, clock.now());
      if (answer === 'unknown') return null;
      for (const reclaimed of answer) {
        const { call, isLost } = reclaimed;
        if (this.#isHeld(call)) {
          told.push(reclaimed);
          if (isLost) this.#held.delete(call.sid);
          // Let go of meanwhile: what was taken or made again for it must not stay here. If it is over, its next owner sees that.
        } else if (!isLost) this.#unsaid.push({ call, how: 'released' });
      }
    }
    await this.#giveBackStrays();
    return told;
  }

  /** A Redis that took over may think calls ours that we let go of: nobody runs them, and nobody else could take them. */
  async #giveBackStrays(): Promise<void> {
    const held = await this.#options.leases.held(this.#options.owner);
    const strays = held.filter((call) => !this.#isHeld(call) && !this.#taking.has(call.take));
    await this.#say(strays.map((call) => ({ call, how: 'released' })));
  }

  #isHeld({ sid, take }: HeldCall): boolean {
    return this.#held.get(sid) === take;
  }

  async #say(words: readonly { readonly call: HeldCall; readonly how: LetGo }[]): Promise<void> {
    if (this.#stopped || words.length === 0) return;
    const { leases, owner, log } = this.#options;
    try {
      await leases.letGo(owner, words);
    } catch (error) {
      if (error instanceof RedisUnavailable) this.#unsaid.push(...words);
      else log.error({ err: error }, 'a call could not be let go of');
    }
  }

  /** While Redis is away there is nothing to be done but to come again. */
  async #quietly(work: Promise<unknown>): Promise<void> {
    try {
      await work;
    } catch (error) {
      if (!(error instanceof RedisUnavailable)) this.#options.log.error({ err: error }, 'leases could not be kept');
    }
  }
}
