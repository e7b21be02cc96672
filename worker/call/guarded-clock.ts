/** The clock as one call has it: what a timer of the call throws is told, and costs the call and not its thread. */
import type { Clock } from '../../shared/kernel/clock.ts';

export function guardedClock(clock: Clock, onBug: (error: unknown) => void): Clock {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after: (delayMs, fire) =>
      clock.after(delayMs, () => {
        try {
          fire();
        } catch (error) {
          onBug(error);
        }
      }),
  };
}
