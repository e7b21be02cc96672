/**
 * What the API is built from. `main.ts` constructs the real ones; tests give what they like.
 * Nothing here knows Express.
 */

import type { Store as RateStore } from 'express-rate-limit';
import type { Clock } from '../shared/kernel/clock.ts';
import type { AccountSid, CallSid, OwnerId } from '../shared/kernel/ids.ts';
import type { Logger } from '../shared/kernel/log.ts';
import type { DestinationGuard } from '../shared/net/destination.ts';
import type { Settings } from '../shared/settings.ts';
import type { Store } from '../shared/store/store.ts';
import type { ApiMetrics } from './metrics.ts';

/** What the API needs of the queues (`shared/queue.ts`); every method rejects at once when Redis is away. */
export interface ApiQueue {
  /** Adds the job that is the call; once, however often it is asked. */
  addCall(sid: CallSid): Promise<void>;
  /** Takes a call that waits off the queue. */
  dropCall(sid: CallSid): Promise<void>;
  /** How many calls wait for a worker. */
  waiting(): Promise<number>;
  /** Tells an owner that a call of its own has a letter. */
  ringOwner(owner: OwnerId, sid: CallSid): Promise<void>;
  /** Has the callbacks delivered that an ended call still owes. */
  addCallbacks(sid: CallSid): Promise<void>;
}

export type ApiSettings = Pick<
  Settings,
  'AUTH_TOKEN' | 'DIALECT' | 'ALLOW_INSECURE_WS' | 'QUEUE_TIMEOUT' | 'QUEUE_LIMIT' | 'RATE_LIMIT'
>;

export interface ApiDeps {
  readonly accountSid: AccountSid;
  readonly settings: ApiSettings;
  readonly store: Store;
  readonly queue: ApiQueue;
  /** Refuses URLs that lead to private addresses, ahead of time. */
  readonly guard: Pick<DestinationGuard, 'examine'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: ApiMetrics;
  /** Shared by all API processes; null counts in this process alone. */
  readonly rateStore: RateStore | null;
  /** Aborts when the server stops: event streams end. */
  readonly stopping: AbortSignal;
}
