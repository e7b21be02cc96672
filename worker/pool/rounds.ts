/**
 * Looks into the box of every call now and then, a part of them each second, so that nobody with sound waits for it: a
 * ring can be lost with the command that made it, or with the connection that brought it.
 */
import type { Clock, Timer } from '../../shared/kernel/clock.ts';
import type { CallSid } from '../../shared/kernel/ids.ts';
import { turnOf } from '../../shared/kernel/turns.ts';

const TURNS = 15;
const TURN_MS = 1000;
const HASTY_TURN_MS = 60;

export class Rounds {
  readonly #clock: Clock;
  readonly #calls: ReadonlyMap<CallSid, { readonly ring: () => void }>;
  #turn = 0;
  /** So many turns are taken in haste. */
  #hasty = 0;
  #timer: Timer | null = null;
  #closed = false;

  constructor(clock: Clock, calls: ReadonlyMap<CallSid, { readonly ring: () => void }>) {
    this.#clock = clock;
    this.#calls = calls;
    this.#schedule();
  }

  /** Rings may have been lost: within a second every box has been looked into. */
  hurry(): void {
    this.#hasty = TURNS;
    this.#timer?.cancel();
    this.#schedule();
  }

  /** Idempotent. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#timer = this.#clock.after(this.#hasty > 0 ? HASTY_TURN_MS : TURN_MS, () => {
      this.#hasty = Math.max(0, this.#hasty - 1);
      for (const [sid, call] of this.#calls) if (turnOf(sid, TURNS) === this.#turn) call.ring();
      this.#turn = (this.#turn + 1) % TURNS;
      this.#schedule();
    });
  }
}
