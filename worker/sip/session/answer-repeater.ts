/**
 * Our 2xx of an INVITE, sent again until its ACK comes (RFC 3261 §13.3.1.4): after T1, doubling up to
 * T2, given up after 64·T1, over TCP as well.
 */
import type { Clock, Timer } from '../../../shared/kernel/clock.ts';
import { LONG, T1, T2 } from '../transaction/timers.ts';

export class AnswerRepeater {
  /** The INVITE's CSeq, which its ACK carries. */
  readonly number: number;
  readonly #clock: Clock;
  readonly #resend: () => void;
  readonly #giveUp: Timer;
  #next: Timer;

  constructor(clock: Clock, number: number, resend: () => void, onGivenUp: () => void) {
    this.#clock = clock;
    this.number = number;
    this.#resend = resend;
    this.#next = this.#after(T1);
    this.#giveUp = clock.after(LONG, () => {
      this.#next.cancel();
      onGivenUp();
    });
  }

  stop(): void {
    this.#next.cancel();
    this.#giveUp.cancel();
  }

  #after(intervalMs: number): Timer {
    return this.#clock.after(intervalMs, () => {
      this.#resend();
      this.#next = this.#after(Math.min(intervalMs * 2, T2));
    });
  }
}
