/** What the queues are to those who use them: handing calls out, and ringing for letters. Opened by `queue.ts`. */
import type { CallSid, GatewayId, OwnerId } from '../kernel/ids.ts';

/** A consumer of one queue. `close` takes nothing new and waits for what runs; `abandon` does not wait. */
export interface QueueWorker {
  close(): Promise<void>;
  abandon(): Promise<void>;
}

/** Takes calls as long as fewer run than may. */
export interface CallWorker extends QueueWorker {
  /**
   * How many may run from now on, `concurrency` at most, and how many when it is to take some that were up, whose owner
   * died; those that run beyond it go on.
   */
  limit(calls: number, withOrphans?: number): void;
}

export interface CallWork {
  /** Whose lease the calls are held under; one `CallWork` at a time has it. */
  readonly owner: OwnerId;
  /** Calls at a time, whatever the load is. */
  readonly concurrency: number;
  /**
   * Runs the call; the job lasts as long. `recoveries` counts the owners that died with it. After `giveBack` the call
   * is not over when this resolves, but another worker's to take at once; when it rejects, as if the owner had died with it.
   */
  run(sid: CallSid, recoveries: number, giveBack: () => void): Promise<void>;
  /** These were not simply still ours: the lease had run out, or Redis had forgotten them. */
  onDoubt(sids: readonly CallSid[]): void;
  /** The lease was renewed by a step asked for at this time (monotonic); somebody else has these by now. */
  onRenewed?(askedAt: number, lost: readonly CallSid[]): void;
}

/** All methods reject with `RedisUnavailable` at once when Redis is away; workers wait for it instead. */
export interface CallQueue {
  /** Adds the job that is the call; once, however often it is asked. */
  addCall(sid: CallSid): Promise<void>;
  /** Takes a call that waits off the queue; one that runs stays. */
  dropCall(sid: CallSid): Promise<void>;
  /** How many calls wait for a worker. */
  waiting(): Promise<number>;
  /** How many ended calls still owe callbacks. */
  owing(): Promise<number>;
  /** What the API asks: there is a letter in the box of the owner's call. When this rejects, it rings as soon as Redis is back. */
  ringOwner(owner: OwnerId, sid: CallSid): Promise<void>;
  /** The same between gateways and owners, lighter, and lost with the connection that brings it. */
  signal(listener: OwnerId | GatewayId, sid: CallSid): Promise<void>;
  /** Asks some worker to deliver what this call still owes. */
  addCallbacks(sid: CallSid): Promise<void>;
  /** Lets the calls of this owner be taken by others at once: it died and can no longer say so. Answers how many. */
  handOver(owner: OwnerId): Promise<number>;
  workCalls(work: CallWork): CallWorker;
  /** `deliver` rejects when it should be tried again later. */
  workCallbacks(concurrency: number, deliver: (sid: CallSid) => Promise<void>): QueueWorker;
  /** Tells each ring of `ringOwner`; the listener must be quick and must not throw. */
  hearBell(owner: OwnerId, onRing: (sid: CallSid) => void): QueueWorker;
  /**
   * Tells each `signal`; as above. `close` leaves what is signalled from then on to the next listener. After `onGap` some
   * may have been lost.
   */
  hearSignals(listener: OwnerId | GatewayId, onRing: (sid: CallSid) => void, onGap?: () => void): QueueWorker;
  /** Removes the bells of an owner that is gone for good. */
  removeBell(owner: OwnerId): Promise<void>;
  close(): Promise<void>;
}
