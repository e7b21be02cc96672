/**
 * The queues: `calls` (a call is a job, its id the call's sid), `callbacks` (what is still owed when a call has ended)
 * and one for each worker thread (`bell-<id>`) of what the API asks of its calls. Gateways and workers ring each other
 * beside them (bells.ts). BullMQ, which this folder alone imports, hands calls out; who has them is then said by the lease
 * of their owner (store/leases.ts). A call may still be handed to a second owner while the first runs, when that stalled:
 * the epoch of the store keeps it from writing, `worker/pool/lease.ts` from speaking.
 */
import { type Job, Worker, type WorkerOptions } from 'bullmq';
import type { Clock } from '../kernel/clock.ts';
import { Closers } from '../kernel/closers.ts';
import { type CallSid, type GatewayId, isCallSid, type OwnerId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/log.ts';
import { LeaseKeeper } from '../store/lease-keeper.ts';
import { LEASE_MS, Leases, RENEW_EVERY_MS } from '../store/leases.ts';
import { attempt, connectRedisAt, type RedisClient, RedisUnavailable, untilReady } from '../store/redis.ts';
import { BellListener, Bells } from './bells.ts';
import { Intake } from './intake.ts';
import { LateRings } from './late-rings.ts';
import type { CallQueue, CallWork, CallWorker, QueueWorker } from './ports.ts';
import { bellOf, Producers } from './producers.ts';

/** How long calls stay with an owner without a sign of life, and how often those who live give one. */
export const leaseTimes = { lastsMs: LEASE_MS, everyMs: RENEW_EVERY_MS } as const;

/** The hash tag of all queues: BullMQ's steps take keys of one queue, and these all lie on one slot. */
const PREFIX = '{pivot}';
const START_TIMEOUT_MS = 10_000;
/** The pool gives a call up long before; BullMQ itself must never drop one without a word. */
const MAX_STALLED = 1_000_000;
const CALL_JOB = { removeOnComplete: true, removeOnFail: { count: 1000 } } as const;
const BELLS_AT_ONCE = 64;
const CALLBACK_ATTEMPTS = 12;
const CALLBACK_PAUSE_MS = 2000;

/** @throws RedisUnavailable when Redis does not answer within ten seconds. */
export async function openQueue(redisUrl: string, clock: Clock, log: Logger): Promise<CallQueue> {
  const client = connectRedisAt(redisUrl, PREFIX, 'commands', log);
  try {
    await untilReady(client, clock, START_TIMEOUT_MS);
  } catch (error) {
    client.disconnect();
    throw error;
  }
  return new RedisCallQueue(redisUrl, client, clock, log);
}

class RedisCallQueue implements CallQueue {
  readonly #redisUrl: string;
  readonly #client: RedisClient;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #workers = new Set<QueueWorker>();
  readonly #keepers = new Set<LeaseKeeper>();
  readonly #leases: Leases;
  readonly #bells: Bells;
  readonly #lateRings: LateRings;
  readonly #producers: Producers;

  constructor(redisUrl: string, client: RedisClient, clock: Clock, log: Logger) {
    this.#redisUrl = redisUrl;
    this.#client = client;
    this.#producers = new Producers(client, PREFIX, log);
    this.#leases = new Leases(client, `${PREFIX}:calls:`, CALL_JOB);
    this.#bells = new Bells(client, `${PREFIX}:rings:`);
    this.#lateRings = new LateRings(clock);
    this.#clock = clock;
    this.#log = log;
  }

  async addCall(sid: CallSid): Promise<void> {
    await attempt(this.#producers.of('calls').add('call', { sid }, { jobId: sid, ...CALL_JOB }));
  }

  dropCall(sid: CallSid): Promise<void> {
    return this.#leases.drop(sid);
  }

  waiting(): Promise<number> {
    return attempt(this.#producers.of('calls').getWaitingCount());
  }

  async owing(): Promise<number> {
    const counts = await attempt(this.#producers.of('callbacks').getJobCounts('waiting', 'active', 'delayed'));
    return Object.values(counts).reduce((sum, count) => sum + count, 0);
  }

  ringOwner(owner: OwnerId, sid: CallSid): Promise<void> {
    const bell = bellOf(owner);
    return this.#nowOrLate(`${bell} ${sid}`, () => this.#ring(bell, sid));
  }

  signal(listener: OwnerId | GatewayId, sid: CallSid): Promise<void> {
    return this.#nowOrLate(`${listener} ${sid}`, () => this.#bells.ring(listener, sid));
  }

  async addCallbacks(sid: CallSid): Promise<void> {
    await attempt(
      this.#producers.of('callbacks').add(
        'deliver',
        { sid },
        {
          jobId: sid,
          attempts: CALLBACK_ATTEMPTS,
          backoff: { type: 'exponential', delay: CALLBACK_PAUSE_MS },
          removeOnComplete: true,
          removeOnFail: true,
        },
      ),
    );
  }

  handOver(owner: OwnerId): Promise<number> {
    return this.#leases.handOver(owner);
  }

  workCalls(work: CallWork): CallWorker {
    const keeper = this.#keep(work);
    const intake = new Intake({
      most: work.concurrency,
      leases: keeper,
      run: (sid, recoveries, giveBack) => work.run(sid, recoveries, giveBack),
      orphanWaits: () => this.#orphanWaits(),
      clock: this.#clock,
      log: this.#log,
    });
    // One place, held for the taking; the calls run beside it, under a lease of ours.
    const options = { concurrency: 1, lockDuration: LEASE_MS, skipStalledCheck: true, skipLockRenewal: true };
    const { worker, consumer } = this.#worker('calls', (job, token = '') => intake.take(job, token), {
      maxStalledCount: MAX_STALLED,
      ...options,
    });
    const stop = (): void => {
      intake.stop();
      keeper.stop();
      this.#keepers.delete(keeper);
    };
    let pausing: Promise<void> = Promise.resolve();
    return {
      limit: (calls, withOrphans) => intake.limit(calls, withOrphans),
      close: async () => {
        intake.stop();
        pausing = worker.pause();
        await pausing;
        await intake.done();
        await consumer.close();
        await keeper.leave();
        stop();
      },
      abandon: async () => {
        stop();
        await consumer.abandon();
        // Which opens its connection anew, or fails to.
        pausing.then(() => worker.disconnect()).catch(() => undefined);
      },
    };
  }

  #keep(work: CallWork): LeaseKeeper {
    const keeper = new LeaseKeeper({
      owner: work.owner,
      leases: this.#leases,
      clock: this.#clock,
      log: this.#log,
      onDoubt: (sids) => work.onDoubt(sids),
      onRenewed: (askedAt, lost) => work.onRenewed?.(askedAt, lost),
    });
    this.#keepers.add(keeper);
    return keeper;
  }

  /** Calls whose owner died are handed over at the front. */
  async #orphanWaits(): Promise<boolean> {
    const next = await this.#client.lindex(`${PREFIX}:calls:wait`, -1);
    return next !== null && (await this.#client.hget(`${PREFIX}:calls:${next}`, 'stc')) !== null;
  }

  workCallbacks(concurrency: number, deliver: (sid: CallSid) => Promise<void>): QueueWorker {
    const run = async (job: Job<unknown>): Promise<void> => {
      const sid = sidOf(job.data);
      if (sid) await deliver(sid);
    };
    const options = { concurrency, maxStalledCount: MAX_STALLED };
    return this.#worker('callbacks', run, options).consumer;
  }

  hearBell(owner: OwnerId, onRing: (sid: CallSid) => void): QueueWorker {
    const run = async (job: Job<unknown>): Promise<void> => {
      const sid = sidOf(job.data);
      if (sid) onRing(sid);
    };
    // A ring that is lost with its listener is not missed: the next owner reads the box first.
    const options = { concurrency: BELLS_AT_ONCE, skipStalledCheck: true, skipLockRenewal: true };
    return this.#worker(bellOf(owner), run, options).consumer;
  }

  hearSignals(listener: OwnerId | GatewayId, onRing: (sid: CallSid) => void, onGap = (): void => {}): QueueWorker {
    const connection = connectRedisAt(this.#redisUrl, PREFIX, 'blocking', this.#log);
    const key = this.#bells.keyOf(listener);
    const ears = new BellListener({ connection, key, clock: this.#clock, log: this.#log, onRing, onGap });
    const consumer: QueueWorker = {
      close: async () => {
        await ears.close(this.#client);
        this.#workers.delete(consumer);
      },
      abandon: async () => {
        this.#workers.delete(consumer);
        ears.abandon();
      },
    };
    this.#workers.add(consumer);
    return consumer;
  }

  async removeBell(owner: OwnerId): Promise<void> {
    const name = bellOf(owner);
    const queue = this.#producers.of(name);
    await attempt(queue.obliterate({ force: true }));
    this.#producers.forget(name);
    await this.#bells.remove(owner);
  }

  async close(): Promise<void> {
    const closers = new Closers();
    closers.push(() => this.#client.disconnect());
    closers.push(() => this.#producers.close());
    for (const worker of this.#workers) closers.push(() => worker.abandon());
    for (const keeper of this.#keepers) keeper.stop();
    this.#lateRings.close();
    await closers.close();
  }

  async #nowOrLate(name: string, ring: () => Promise<void>): Promise<void> {
    try {
      await ring();
    } catch (error) {
      if (error instanceof RedisUnavailable) this.#lateRings.add(name, ring);
      throw error;
    }
  }

  async #ring(bell: string, sid: CallSid): Promise<void> {
    await attempt(this.#producers.of(bell).add('ring', { sid }, { removeOnComplete: true, removeOnFail: true }));
  }

  #worker(
    name: string,
    run: (job: Job<unknown>, token?: string) => Promise<void>,
    options: Omit<WorkerOptions, 'connection'>,
  ): { readonly worker: Worker; readonly consumer: QueueWorker } {
    const connection = connectRedisAt(this.#redisUrl, PREFIX, 'blocking', this.#log);
    const worker = new Worker(name, run, {
      connection,
      prefix: PREFIX,
      runRetryDelay: 1000,
      ...options,
    });
    worker.on('error', (error) => this.#log.debug({ err: error, queue: name }, 'queue worker failed'));
    worker.on('closed', () => connection.disconnect());
    return { worker, consumer: this.#asQueueWorker(worker, connection) };
  }

  #asQueueWorker(worker: Worker, connection: RedisClient): QueueWorker {
    let closing = false;
    const consumer: QueueWorker = {
      close: async () => {
        closing = true;
        await worker.close();
        this.#workers.delete(consumer);
      },
      abandon: async () => {
        this.#workers.delete(consumer);
        // One that is closing already waits for its jobs: without connections they can only run out of their locks.
        if (closing) await worker.disconnect();
        else await worker.close(true);
        connection.disconnect();
      },
    };
    this.#workers.add(consumer);
    return consumer;
  }
}

function sidOf(data: unknown): CallSid | null {
  const sid = data !== null && typeof data === 'object' && 'sid' in data ? data.sid : null;
  return typeof sid === 'string' && isCallSid(sid) ? sid : null;
}
