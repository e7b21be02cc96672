/** What every part of the store needs: the connection and the rules. Made once by `openStore`. */
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/log.ts';
import type { RedisClient } from './redis.ts';

export interface StoreSettings {
  /** How long an ended call is kept; `CALL_RETENTION`. */
  readonly retentionMs: number;
  /** How long an announced owner counts as present. */
  readonly presenceMs?: number;
  /** The same of a gateway: shorter, as calls are given to one that died until then. */
  readonly gatewayPresenceMs?: number;
  /** How long an `Idempotency-Key` is remembered. */
  readonly idempotencyMs?: number;
}

export interface StoreScope {
  readonly client: RedisClient;
  readonly settings: Required<StoreSettings>;
  readonly clock: Clock;
  readonly log: Logger;
}
