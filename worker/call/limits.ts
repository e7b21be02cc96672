/**
 * How long a call waits for what comes next, and how it ends when that does not come. A limit that begins ends the one
 * before. Pure; the session owns the timer.
 */
import type { CallRecord } from '../../shared/domain/call.ts';
import type { Cause } from './ending.ts';
import type { CallEffect } from './machine.ts';

export interface Limit {
  readonly afterMs: number;
  readonly cause: Cause;
}

/** The gateway ends a leg that never answers or is never acknowledged; these only catch its loss. */
const RING_MARGIN_MS = 10_000;
const ANSWER_MS = 40_000;
/** The far end's answer to a moved session: SIP's own limit is 32 s, which nobody listens to silence for. */
const TAKE_OVER_MS = 10_000;

/** The limit that begins with an effect; null when the one before goes on. `now`: wall time in ms. */
export function limitOf(effect: CallEffect, { plan, answeredAt }: CallRecord, now: number): Limit | null {
  switch (effect) {
    case 'dial':
    case 'join':
      return { afterMs: plan.ringTimeoutMs + RING_MARGIN_MS, cause: 'no_answer' };
    case 'answer':
      return { afterMs: ANSWER_MS, cause: 'dialog_lost' };
    case 'find':
    case 'take-over':
      return { afterMs: TAKE_OVER_MS, cause: 'owner_lost' };
    case 'ring':
    case 'tell-answered':
      return { afterMs: plan.timeLimitMs, cause: 'time_limit' };
    case 'resume': {
      const upMs = answeredAt === null ? 0 : now - Date.parse(answeredAt);
      return { afterMs: Math.max(0, plan.timeLimitMs - upMs), cause: 'time_limit' };
    }
    default:
      return null;
  }
}
