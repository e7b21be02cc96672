/**
 * Presses a string of digits one after the other: `w` waits half a second, `W` a second (TwiML's
 * sendDigits). What a key is (event or tone) is the media's business. Calls queue behind each other.
 */
import type { Clock } from '../../shared/kernel/clock.ts';
import { pause, unlessAborted } from '../../shared/kernel/deadline.ts';
import { isDigit } from '../rtp/telephone-event.ts';

export interface Keypad {
  press(digit: string, done: () => void): void;
  /** Lets go of the key that is down. */
  release(): void;
}

const pauses: Readonly<Record<string, number>> = { w: 500, W: 1000 };

export class Presser {
  readonly #clock: Clock;
  readonly #keypad: Keypad;
  readonly #closed = new AbortController();
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(clock: Clock, keypad: Keypad) {
    this.#clock = clock;
    this.#keypad = keypad;
  }

  /** Keys and pauses that were asked for and are not over. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Resolves when the last key is up again; rejects with the signal's reason, or when the leg closes: at once, whoever
   * presses before it.
   * What is neither digit nor pause is left out.
   */
  press(digits: string, signal?: AbortSignal): Promise<void> {
    const stop = signal === undefined ? this.#closed.signal : AbortSignal.any([signal, this.#closed.signal]);
    this.#waiting += digits.length;
    const turn = this.#last.then(() => this.#run(digits, stop));
    this.#last = turn.catch(() => {});
    return unlessAborted(stop, turn);
  }

  /** Ends everything that is being pressed. Idempotent. */
  close(): void {
    this.#closed.abort(new Error('The leg is closed'));
  }

  async #run(digits: string, stop: AbortSignal): Promise<void> {
    let left = digits.length;
    try {
      for (const key of digits) {
        stop.throwIfAborted();
        const waitMs = pauses[key];
        if (waitMs !== undefined) await pause(this.#clock, waitMs, stop);
        else if (isDigit(key)) await this.#key(key, stop);
        left -= 1;
        this.#waiting -= 1;
      }
    } finally {
      this.#waiting -= left;
    }
  }

  #key(digit: string, stop: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#keypad.release();
        reject(stop.reason);
      };
      stop.addEventListener('abort', onAbort, { once: true });
      this.#keypad.press(digit, () => {
        stop.removeEventListener('abort', onAbort);
        resolve();
      });
    });
  }
}
