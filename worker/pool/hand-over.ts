/** Gives calls to other workers, one after the other, so that each is silent only for as long as its own move takes. */
import type { Clock } from '../../shared/kernel/clock.ts';
import { pause } from '../../shared/kernel/deadline.ts';
import type { RunningCall } from './running-call.ts';

/**
 * They follow each other no faster than others can take them, or they would wait for each other in silence: one takes about
 * fifteen milliseconds of the machine, and two threads may be handing over at once.
 */
export const HAND_OVER_EVERY_MS = 60;

/** Resolves when the last one is given back. A call that ends meanwhile is left to end. Does not reject. */
export async function handOver(
  calls: readonly Pick<RunningCall, 'release'>[],
  everyMs: number,
  clock: Clock,
): Promise<void> {
  const began = clock.monotonic();
  const released = calls.map(async (call, index) => {
    const waitMs = began + index * everyMs - clock.monotonic();
    if (waitMs > 0) await pause(clock, waitMs);
    await call.release();
  });
  await Promise.all(released);
}
