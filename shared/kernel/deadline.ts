/** Every wait has a deadline: a promise that is given up after a time or when a signal says so. */
import type { Clock } from './clock.ts';
import { ExpectedFailure } from './expected-failure.ts';

/** An expected failure: something outside did not answer in time. */
export class DeadlineExceeded extends ExpectedFailure {
  override readonly name = 'DeadlineExceeded';
  constructor(what: string, afterMs: number) {
    super(`${what}: no answer within ${afterMs} ms`);
  }
}

/**
 * Settles like `work`, or rejects with `DeadlineExceeded` after `afterMs`.
 * The work itself is not stopped: give it an `AbortSignal` of its own where it can be.
 */
export function withDeadline<T>(clock: Clock, afterMs: number, what: string, work: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = clock.after(afterMs, () => reject(new DeadlineExceeded(what, afterMs)));
    work.then(resolve, reject).finally(timer.cancel);
  });
}

/** Settles like `work`, or rejects with the signal's reason as soon as it aborts. */
export function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** Resolves after `delayMs`, or rejects with the signal's reason as soon as it aborts. */
export function pause(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
