/**
 * Time as a dependency. Everything that waits takes a `Clock`, so that tests can run
 * minutes of protocol time in microseconds without touching the global timers
 * (ioredis, BullMQ and ws keep theirs). The manual one lives in `test/support/clock.ts`.
 */

/** A pending timer; pass it back to the clock that made it. */
export interface Timer {
  readonly cancel: () => void;
}

export interface Clock {
  /** Wall time, milliseconds since the Unix epoch. */
  now(): number;
  /** Monotonic time in milliseconds with a fraction; only differences mean anything. */
  monotonic(): number;
  /** Calls `fire` once after `delayMs`. The timer does not keep the process alive. */
  after(delayMs: number, fire: () => void): Timer;
}

let pending = 0;

/** Timers of the real clock that will still fire, in this thread: what the leak checks and the metrics count. */
export const pendingTimers = (): number => pending;

/** The real clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, fire) {
    let isPending = true;
    const over = (): void => {
      if (isPending) pending -= 1;
      isPending = false;
    };
    pending += 1;
    const handle = setTimeout(() => {
      over();
      fire();
    }, delayMs);
    handle.unref();
    return {
      cancel() {
        clearTimeout(handle);
        over();
      },
    };
  },
};
