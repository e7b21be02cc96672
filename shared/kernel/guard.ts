/**
 * What one call hands to the parts that work for it: whatever they throw when time or the world calls them back is told
 * to the call, and costs it and not the thread it shares with others.
 */
import type { Clock } from './clock.ts';

export interface Guard {
  /** Its timers tell what they throw. */
  readonly clock: Clock;
  /** A bug was met. Never throws. */
  readonly broke: (error: unknown) => void;
}

export function guard(clock: Clock, broke: (error: unknown) => void): Guard {
  return {
    broke,
    clock: {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      after: (delayMs, fire) =>
        clock.after(delayMs, () => {
          try {
            fire();
          } catch (error) {
            broke(error);
          }
        }),
    },
  };
}

/** Of work nobody waits for: what it failed with is thrown from a timer, where whoever gave the clock hears of it. */
export function throwLater(clock: Clock): (error: unknown) => void {
  return (error) => {
    clock.after(0, () => {
      throw error;
    });
  };
}
