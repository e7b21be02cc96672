/**
 * Takes the jobs that are calls, one after the other and only while there is room: how many may run is said by
 * whoever measures the load, and can change while they run. BullMQ's own concurrency cannot: a worker whose places
 * are all taken looks at it again when a job ends, and a call may last for hours. So BullMQ's one place is held for
 * the taking alone: the call runs beside it, under the lease of its owner. Made by `queue.ts`.
 */
import { DelayedError, type Job } from 'bullmq';
import type { Clock } from '../kernel/clock.ts';
import { pause } from '../kernel/deadline.ts';
import { type CallSid, isCallSid } from '../kernel/ids.ts';
import type { Logger } from '../kernel/log.ts';
import type { LeaseKeeper } from '../store/lease-keeper.ts';
import type { LetGo } from '../store/leases.ts';

/** What is of interest of a job. */
export type JobOfCall = Pick<Job<unknown>, 'id' | 'stalledCounter'>;

export interface IntakeOptions {
  /** Calls at a time, whatever the load is. */
  readonly most: number;
  readonly leases: Pick<LeaseKeeper, 'take' | 'letGo'>;
  /** Runs a call until it is over, or, after `giveBack`, another worker's to take. Rejects when it broke off. */
  readonly run: (sid: CallSid, recoveries: number, giveBack: () => void) => Promise<void>;
  /** Whether the next job is a call that was up: it is taken although the load says no, unless somebody has room. */
  readonly orphanWaits: () => Promise<boolean>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** While there is no room, calls without an owner are looked for this often; so long they wait for whoever has room. */
const LOOK_MS = 250;

export class Intake {
  readonly #options: IntakeOptions;
  readonly #running = new Set<Promise<void>>();
  #limit: number;
  #withOrphans: number;
  #stopped = false;
  /** Since when calls without an owner wait (monotonic), seen by looks without room. */
  #orphansSince: number | null = null;
  #changed = new AbortController();

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#limit = options.most;
    this.#withOrphans = options.most;
  }

  /** So many calls may run from now on, and so many when it is to take some that were up; those that run beyond it go on. */
  limit(calls: number, withOrphans = this.#options.most): void {
    if (calls === this.#limit && withOrphans === this.#withOrphans) return;
    this.#limit = calls;
    this.#withOrphans = withOrphans;
    this.#wake();
  }

  /** BullMQ's processor: answers when the next job may be taken. The error tells BullMQ to leave this one alone. */
  async take(job: JobOfCall, token: string): Promise<never> {
    const call = this.#run(job, token).finally(() => {
      this.#running.delete(call);
      this.#wake();
    });
    this.#running.add(call);
    await this.#untilRoom();
    throw new DelayedError();
  }

  /** Takes nothing more. */
  stop(): void {
    this.#stopped = true;
    this.#wake();
  }

  /** Resolves when no call runs. */
  async done(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** From the taking of a job to its end. Never rejects: whatever goes wrong is none of BullMQ's business. */
  async #run({ id, stalledCounter }: JobOfCall, token: string): Promise<void> {
    const { leases, log } = this.#options;
    try {
      const call = id !== undefined && isCallSid(id) ? await leases.take(id, token) : null;
      if (!call) return;
      // What BullMQ had asked for when we stopped is another's.
      await leases.letGo(call, this.#stopped ? 'released' : await this.#untilOver(call.sid, stalledCounter));
    } catch (error) {
      // The lock of its job runs out, and somebody else takes it.
      log.error({ err: error, callSid: id }, 'a call could not be taken');
    }
  }

  async #untilOver(sid: CallSid, recoveries: number): Promise<LetGo> {
    let end: LetGo = 'over';
    const giveBack = (): void => {
      end = 'released';
    };
    try {
      await this.#options.run(sid, recoveries, giveBack);
      return end;
    } catch (error) {
      this.#options.log.error({ err: error, callSid: sid }, 'the run of a call broke off');
      return 'broken';
    }
  }

  async #untilRoom(): Promise<void> {
    while (!this.#stopped && !(await this.#hasRoom())) {
      await pause(this.#options.clock, LOOK_MS, this.#changed.signal).catch(() => undefined);
    }
  }

  async #hasRoom(): Promise<boolean> {
    const { most, orphanWaits, clock } = this.#options;
    const calls = this.#running.size;
    if (calls >= most) return false;
    const hasRoom = calls < this.#limit;
    if (hasRoom || calls >= this.#withOrphans || !(await orphanWaits().catch(() => false))) {
      this.#orphansSince = null;
      return hasRoom;
    }
    this.#orphansSince ??= clock.monotonic();
    return clock.monotonic() - this.#orphansSince >= LOOK_MS;
  }

  #wake(): void {
    this.#changed.abort();
    this.#changed = new AbortController();
  }
}
