/**
 * A caller nobody has spoken for yet: how long the call may lie in the queue, and what happens when
 * the caller gives up first. Stops as soon as the call's owner has said its first word.
 */
import type { CallRecord } from '../../shared/domain/call.ts';
import type { CallLetter } from '../../shared/domain/letter.ts';
import type { Clock, Timer } from '../../shared/kernel/clock.ts';
import type { CallWriter } from './call-writer.ts';
import type { Counters } from './counters.ts';
import { callerCanceled, queueTimeout } from './unclaimed-endings.ts';

export interface InboundWaitOptions {
  readonly clock: Clock;
  readonly counters: Counters;
  readonly writer: CallWriter;
  readonly call: CallRecord;
  /** From the INVITE, in milliseconds. */
  readonly queueTimeoutMs: number;
  /** Refuses the caller: 503 with the time is up, whoever owns the call. */
  readonly refuse: () => void;
}

/** An owner that took the call has this long again for its first letter. */
const FIRST_WORD_MS = 60_000;

export class InboundWait {
  readonly #options: InboundWaitOptions;
  #timer: Timer | null;
  #claimed = false;

  constructor(options: InboundWaitOptions) {
    this.#options = options;
    this.#timer = options.clock.after(options.queueTimeoutMs, () => this.#queueTimeout());
  }

  /** The owner has spoken. */
  claimed(): void {
    this.#claimed = true;
    this.stop();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  /** CANCEL, or the dialog died, before the answer. */
  callerGone(letter: CallLetter): void {
    this.stop();
    const { writer, call, counters } = this.#options;
    if (this.#claimed) {
      writer.letter(letter);
      return;
    }
    writer.endUnclaimed(call, callerCanceled, (done) => {
      if (done) counters.add('canceledUnclaimed');
      else writer.letter(letter);
    });
  }

  #queueTimeout(): void {
    const { writer, call, clock, counters, refuse } = this.#options;
    // Whatever Redis says or does not say, the caller is not kept longer than this.
    this.#timer = clock.after(FIRST_WORD_MS, refuse);
    writer.endUnclaimed(call, queueTimeout, (done) => {
      if (!done) return;
      counters.add('queueTimeouts');
      this.stop();
      refuse();
    });
  }
}
