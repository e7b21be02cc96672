/**
 * What the API is built from. `main.ts` constructs the real ones; tests give what they like.
 * Nothing here knows Express.
 */

import type { Store as RateStore } from 'express-rate-limit';
import type { Clock } from '../shared/kernel/clock.ts';
import type { AccountSid } from '../shared/kernel/ids.ts';
import type { Logger } from '../shared/kernel/log.ts';
import type { DestinationGuard } from '../shared/net/destination.ts';
import type { CallQueue } from '../shared/queue/ports.ts';
import type { Settings } from '../shared/settings.ts';
import type { Store } from '../shared/store/store.ts';
import type { Tracer } from '../shared/tracing/tracer.ts';
import type { TwimlParser } from '../shared/twiml/parser.ts';
import type { ApiMetrics } from './metrics.ts';

/** What the API asks of the queues. */
export type ApiQueue = Pick<CallQueue, 'addCall' | 'dropCall' | 'waiting' | 'owing' | 'ringOwner' | 'addCallbacks'>;

export type ApiSettings = Pick<
  Settings,
  'AUTH_TOKEN' | 'DIALECT' | 'ALLOW_INSECURE_WS' | 'QUEUE_TIMEOUT' | 'QUEUE_LIMIT' | 'RATE_LIMIT'
> &
  Partial<Pick<Settings, 'PUBLIC_URL' | 'TRUST_PROXY'>>;

export interface FollowBounds {
  /** Clients of one process. */
  readonly clients: number;
  /** How long a client may leave what it was sent unread. */
  readonly slowMs: number;
}

export interface ApiDeps {
  readonly accountSid: AccountSid;
  readonly settings: ApiSettings;
  readonly store: Store;
  readonly queue: ApiQueue;
  /** Refuses URLs that lead to private addresses, ahead of time. */
  readonly guard: Pick<DestinationGuard, 'examine'>;
  /** Looks at inline documents; without one they are taken as they are. Closed by whoever opened it. */
  readonly parser?: TwimlParser;
  /** Names of the trunks there are; without them every name is taken. */
  readonly trunks?: ReadonlySet<string>;
  /** Bounds of the event streams; the real ones when absent. */
  readonly followBounds?: FollowBounds;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: ApiMetrics;
  /** Null or absent: no traces. */
  readonly tracer?: Tracer | null;
  /** Shared by all API processes; null counts in this process alone. */
  readonly rateStore: RateStore | null;
  /** Aborts when the server stops: event streams end. */
  readonly stopping: AbortSignal;
}
