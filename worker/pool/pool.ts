/**
 * Which calls are ours: takes jobs while there is room, claims each call with a new epoch, runs it,
 * and tells it when its bell rings. One pool per worker thread; `thread.ts` opens and drains it.
 */
import type { CallRecord } from '../../shared/domain/call.ts';
import type { Ending } from '../../shared/domain/ending.ts';
import type { GatewayLetter } from '../../shared/domain/letter.ts';
import type { Timer } from '../../shared/kernel/clock.ts';
import { DeadlineExceeded, withDeadline } from '../../shared/kernel/deadline.ts';
import { type CallSid, type Epoch, FIRST_LEG, type GatewayId } from '../../shared/kernel/ids.ts';
import type { CallWorker, QueueWorker } from '../../shared/queue/ports.ts';
import type { OwnerLoad, OwnerState } from '../../shared/store/store.ts';
import { type Admission, type AdmissionBounds, limitOf, next, orphanLimitOf, startsOpen } from './admission.ts';
import { abandoned, platformError, queueTimeout } from './endings.ts';
import { GatewayBells } from './gateway-bells.ts';
import { HAND_OVER_EVERY_MS, handOver } from './hand-over.ts';
import type { PoolOptions } from './ports.ts';
import { fine, type Relief, relieve, shareOfRoom } from './relief.ts';
import { untilDone } from './retry.ts';
import { Rounds } from './rounds.ts';
import { RunningCall } from './running-call.ts';
import { Surroundings } from './surroundings.ts';

/** So many owners may die with one call before it is ended: it may be what kills them. */
const MAX_RECOVERIES = 5;
/** Calls that were told to end at the close of the pool have this long to do so. */
const FAREWELL_MS = 10_000;
/** Calls that are handed over have this long for it. */
const HAND_OVER_MS = 10_000;
const CALLBACKS_AT_ONCE = 8;
const MEASURE_EVERY_MS = 500;
/** Given to others between two looks at the load. */
const MOVED_AT_ONCE = Math.floor(MEASURE_EVERY_MS / HAND_OVER_EVERY_MS);

export interface Pool {
  /** How full it is now. */
  readonly state: OwnerState;
  /**
   * Takes no more calls, lets those that run go on for `withinMs`, then hands them over to other workers, or ends
   * them where there are none, and closes.
   * Idempotent: a second caller waits for the first.
   */
  drain(withinMs: number): Promise<void>;
}

/** @throws RedisUnavailable when Redis is away at the start. */
export async function openPool(options: PoolOptions): Promise<Pool> {
  const pool = new CallPool(options);
  await pool.open();
  return pool;
}

class CallPool implements Pool {
  readonly #options: PoolOptions;
  readonly #running = new Map<CallSid, RunningCall>();
  readonly #surroundings: Surroundings;
  readonly #bells: GatewayBells;
  readonly #stop = new AbortController();
  #workers: {
    readonly calls: CallWorker;
    readonly callbacks: QueueWorker;
    readonly ears: readonly QueueWorker[];
  } | null = null;
  #rounds: Rounds | null = null;
  #measure: Timer | null = null;
  #admission: Admission;
  #relief: Relief = fine;
  #isMoving = false;
  #draining: Promise<void> | null = null;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#admission = startsOpen(this.#bounds);
    this.#bells = new GatewayBells({ ...options, mailbox: options.store.mailbox });
    this.#surroundings = new Surroundings(options, () => this.state);
  }

  get state(): OwnerState {
    return {
      calls: this.#running.size,
      capacity: this.#options.capacity,
      draining: this.#draining !== null,
      ...this.#load,
      probe: this.#options.probe,
    };
  }

  get #bounds(): AdmissionBounds {
    return { most: this.#options.capacity, busyLimit: this.#options.load?.busyLimit ?? 1 };
  }

  get #load(): OwnerLoad {
    const { kind, busy, lateMs, room } = this.#admission;
    if (!this.#options.load) return {};
    return {
      full: kind === 'full' || this.#relief.kind === 'relieving',
      room,
      busy: Math.round(busy * 100) / 100,
      lateMs: Math.round(lateMs * 10) / 10,
    };
  }

  async open(): Promise<void> {
    const { queue, owner, capacity, courier } = this.#options;
    await this.#surroundings.open();
    const onRing = (sid: CallSid): void => this.#running.get(sid)?.ring();
    this.#workers = {
      ears: [queue.hearBell(owner, onRing), queue.hearSignals(owner, onRing, () => this.#rounds?.hurry())],
      callbacks: queue.workCallbacks(CALLBACKS_AT_ONCE, (sid) => courier.deliver(sid)),
      calls: queue.workCalls({
        owner,
        concurrency: capacity,
        run: (sid, recoveries, giveBack) => this.#run(sid, recoveries, giveBack),
        // Whether Redis knows the calls themselves is what a look at the box tells.
        onDoubt: (sids) => {
          for (const sid of sids) this.#running.get(sid)?.ring();
        },
        onRenewed: (askedAt, lost) => {
          for (const sid of lost) this.#running.get(sid)?.lost();
          this.#options.lease?.renewed(askedAt);
        },
      }),
    };
    this.#rounds = new Rounds(this.#options.clock, this.#running);
    this.#measureAgain();
  }

  drain(withinMs: number): Promise<void> {
    this.#draining ??= this.#drain(withinMs);
    return this.#draining;
  }

  async #drain(withinMs: number): Promise<void> {
    const { clock, log } = this.#options;
    const calls = this.#workers?.calls;
    await this.#surroundings.beat().catch(() => undefined);
    const closed = calls?.close() ?? Promise.resolve();
    if (!(await endsWithin(withinMs)) && !((await this.#handOver()) && (await endsWithin(HAND_OVER_MS)))) {
      log.warn({ calls: this.#running.size }, 'calls are ended because the worker stops');
      for (const call of this.#running.values()) call.ownerClosed();
      if (!(await endsWithin(FAREWELL_MS))) {
        log.error({ calls: this.#running.size }, 'calls did not end in time');
        // The queue first: a job that ended now would be off the queue and its call nobody's.
        await calls?.abandon();
        for (const call of this.#running.values()) call.lost();
      }
    }
    this.#stop.abort(new Error('the pool is closed'));
    this.#rounds?.close();
    this.#measure?.cancel();
    this.#bells.close();
    await this.#workers?.callbacks.close();
    for (const ear of this.#workers?.ears ?? []) await ear.abandon();
    await this.#surroundings.close().catch((error: unknown) => {
      log.debug({ err: error }, 'this owner was not withdrawn');
    });

    async function endsWithin(ms: number): Promise<boolean> {
      try {
        await withDeadline(clock, ms, 'calls', closed);
        return true;
      } catch (error) {
        if (error instanceof DeadlineExceeded) return false;
        throw error;
      }
    }
  }

  /** Gives the calls that are left to other workers. False when nobody else is there. */
  async #handOver(): Promise<boolean> {
    const { store, clock, owner, log } = this.#options;
    const owners = await store.presence.owners().catch(() => []);
    if (!owners.some((other) => other.owner !== owner && !other.draining)) return false;
    const calls = [...this.#running.values()];
    log.info({ calls: calls.length }, 'calls are handed over because the worker stops');
    const everyMs = Math.min(HAND_OVER_EVERY_MS, HAND_OVER_MS / 2 / Math.max(1, calls.length));
    await handOver(calls, everyMs, clock);
    return true;
  }

  /** The processor of a job. Rejects when the call is not over, but could not even be claimed or ended here. */
  async #run(sid: CallSid, recoveries: number, giveBack: () => void): Promise<void> {
    try {
      const claimed = await this.#claim(sid);
      if (!claimed) await this.#remind(sid);
      else if (await this.#runClaimed(claimed, recoveries)) giveBack();
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      // Another may do better; but what nobody can run must not go round for ever.
      if (recoveries <= MAX_RECOVERIES) throw error;
      this.#options.log.error({ err: error, callSid: sid }, 'a call could not be run');
    }
  }

  /** A call that has ended: whoever ended it may have died before the queue heard what the call owes. */
  #remind(sid: CallSid): Promise<void> {
    const { clock, store, queue } = this.#options;
    return untilDone(clock, this.#stop.signal, async () => {
      if (await store.outbox.peek(sid)) await queue.addCallbacks(sid);
    });
  }

  #claim(sid: CallSid): Promise<{ readonly call: CallRecord; readonly epoch: Epoch } | null> {
    const { clock, store, owner } = this.#options;
    return untilDone(clock, this.#stop.signal, () => store.calls.claim(sid, owner));
  }

  /** Whether the call may go on and is to be given back. */
  async #runClaimed(
    { call, epoch }: { readonly call: CallRecord; readonly epoch: Epoch },
    recoveries: number,
  ): Promise<boolean> {
    // Handed to us again while we still run it: the older self is told by its next write, but sooner is better.
    this.#running.get(call.sid)?.lost();
    const gateway = call.gateway === null ? await this.#gatewayForCall() : null;
    const running = await this.#open(call, epoch, gateway);
    if (!running) return false;
    this.#running.set(call.sid, running);
    try {
      const refusal = this.#refusalOf(call, epoch, recoveries);
      if (refusal) await running.refuse(refusal.ending, refusal.letter);
      else await running.run();
      return running.released;
    } finally {
      if (this.#running.get(call.sid) === running) this.#running.delete(call.sid);
    }
  }

  /** Null when the call could not even be set up: then it ends here. */
  async #open(call: CallRecord, epoch: Epoch, gateway: GatewayId | null): Promise<RunningCall | null> {
    try {
      return new RunningCall(this.#options, this.#bells, call, epoch, gateway);
    } catch (error) {
      const { clock, store, log } = this.#options;
      log.error({ err: error, callSid: call.sid }, 'a call could not be set up');
      const at = new Date(clock.now()).toISOString();
      await untilDone(clock, this.#stop.signal, () =>
        store.calls.save(call.sid, epoch, {
          patch: { status: 'failed', endedAt: at, ending: platformError },
          entries: [{ at, entry: { type: 'call.ended', ending: platformError } }],
          letters: call.gateway === null ? [] : [{ kind: 'hangup', leg: FIRST_LEG }],
        }),
      );
      if (call.gateway !== null) this.#bells.ring(call.sid, call.gateway);
      this.#bells.over(call.sid);
      return null;
    }
  }

  #gatewayForCall(): Promise<GatewayId | null> {
    return untilDone(this.#options.clock, this.#stop.signal, () => this.#surroundings.gatewayForCall());
  }

  #refusalOf(call: CallRecord, epoch: Epoch, recoveries: number): Refusal | null {
    if (recoveries > MAX_RECOVERIES) return { ending: abandoned, letter: { kind: 'hangup', leg: FIRST_LEG } };
    const waitedMs = this.#options.clock.now() - Date.parse(call.createdAt);
    if (epoch > 1 || waitedMs <= this.#options.queueTimeoutMs) return null;
    const letter = { kind: 'reject', leg: FIRST_LEG, sipCode: 503, reason: 'Service Unavailable' } as const;
    return { ending: queueTimeout, letter };
  }

  /** How many calls may run follows from what those that run cost. */
  #measureAgain(): void {
    const { load, clock, log } = this.#options;
    if (!load) return;
    this.#measure = clock.after(MEASURE_EVERY_MS, () => {
      const { full: wasFull } = this.#load;
      const calls = this.#running.size;
      this.#admission = next(this.#admission, load.vitals(), calls, this.#bounds);
      this.#relief = relieve(this.#relief, this.#admission, this.#bounds);
      const { full } = this.#load;
      this.#workers?.calls.limit(
        full ? 0 : limitOf(this.#admission, calls, this.#bounds),
        orphanLimitOf(this.#admission, this.#bounds),
      );
      if (full !== wasFull) {
        log.info({ calls, ...this.#load }, full ? 'no more calls are taken' : 'calls are taken again');
        // Whoever refuses callers should know at once.
        this.#surroundings.announce().catch(() => undefined);
      }
      this.#relieve();
      this.#measureAgain();
    });
  }

  /** Beyond what it can do, a thread gives calls to those with room: some, and the next look tells whether it was enough. */
  #relieve(): void {
    if (this.#relief.excess === 0 || this.#isMoving || this.#draining) return;
    this.#isMoving = true;
    this.#giveAway(this.#relief.excess)
      .catch((error: unknown) => this.#options.log.debug({ err: error }, 'nobody was found to take calls'))
      .finally(() => {
        this.#isMoving = false;
      });
  }

  /** The newest first: who has been moved here once is moved again before the others. */
  async #giveAway(excess: number): Promise<void> {
    const { store, owner, clock, log } = this.#options;
    const calls = Math.min(excess, MOVED_AT_ONCE, shareOfRoom(await store.presence.owners(), owner));
    if (calls === 0) return;
    log.info({ calls, excess, ...this.#load }, 'calls are handed over because there are too many');
    await handOver([...this.#running.values()].slice(-calls), HAND_OVER_EVERY_MS, clock);
  }
}

interface Refusal {
  readonly ending: Ending;
  readonly letter: GatewayLetter;
}
