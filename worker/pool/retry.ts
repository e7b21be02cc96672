/**
 * Trying again while Redis is away: growing pauses, until it works or the call is no longer ours. When Redis is
 * back without the call, the call is written again first.
 */
import type { Clock } from '../../shared/kernel/clock.ts';
import { pause } from '../../shared/kernel/deadline.ts';
import { RedisUnavailable } from '../../shared/store/redis.ts';
import { BoxFull, CallForgotten } from '../../shared/store/store.ts';

const FIRST_PAUSE_MS = 50;
const MAX_PAUSE_MS = 2000;

/** Whether trying again later can help; anything else is a bug. */
export const isPassing = (error: unknown): boolean => error instanceof RedisUnavailable || error instanceof BoxFull;

/**
 * Rejects with a bug at once, or with the signal's reason; failures that pass are tried again for ever.
 *
 * @param remind writes a call again that Redis has forgotten; without it that is a failure like a bug.
 */
export async function untilDone<T>(
  clock: Clock,
  signal: AbortSignal,
  work: () => Promise<T>,
  remind?: () => Promise<void>,
): Promise<T> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(MAX_PAUSE_MS, pauseMs * 2)) {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      if (error instanceof CallForgotten && remind) await remind();
      else if (!isPassing(error)) throw error;
    }
    await pause(clock, pauseMs, signal);
  }
}
