/**
 * The box of one call, read when the bell rings: each letter is told once and in order, and acknowledged when what
 * it caused is written, so that none is lost with its owner. One reading at a time; a ring during it makes another.
 * A refused reading means a newer owner.
 */
import type { CallLetter } from '../../shared/domain/letter.ts';
import type { Clock } from '../../shared/kernel/clock.ts';
import type { CallSid, Epoch } from '../../shared/kernel/ids.ts';
import type { Logger } from '../../shared/kernel/log.ts';
import type { Mailbox } from '../../shared/store/store.ts';
import { untilDone } from './retry.ts';

export interface InboxOptions {
  readonly sid: CallSid;
  readonly epoch: Epoch;
  readonly mailbox: Pick<Mailbox, 'readForCall' | 'ackForCall'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Never throws. */
  readonly deliver: (letter: CallLetter) => void;
  /** Resolves when what the letters told so far have caused is written. Never rejects. */
  readonly written: () => Promise<void>;
  readonly onLost: () => void;
  /** Writes the call again: Redis has forgotten it. */
  readonly remind: () => Promise<void>;
}

export class Inbox {
  readonly #options: InboxOptions;
  readonly #stop = new AbortController();
  #told = 0;
  #rung = false;
  #reading = false;
  #acknowledging = false;

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  ring(): void {
    this.#rung = true;
    if (this.#reading || this.#stop.signal.aborted) return;
    this.#reading = true;
    this.#inBackground(
      this.#readAll().finally(() => {
        this.#reading = false;
      }),
    );
  }

  /** Tells nothing more. Idempotent. */
  close(): void {
    this.#stop.abort(new Error('the inbox is closed'));
  }

  async #readAll(): Promise<void> {
    const { clock, mailbox, sid, epoch, remind } = this.#options;
    const { signal } = this.#stop;
    while (this.#rung && !signal.aborted) {
      this.#rung = false;
      const letters = await untilDone(clock, signal, () => mailbox.readForCall(sid, epoch), remind);
      if (signal.aborted) return;
      if (letters === 'lost') {
        this.#lost();
        return;
      }
      for (const { id, letter } of letters) this.#tell(id, letter);
      if (letters.length > 0 && !this.#acknowledging) this.#inBackground(this.#acknowledge());
    }
  }

  /** Beside the reading, which need not wait for it. */
  async #acknowledge(): Promise<void> {
    const { clock, mailbox, sid, epoch, written, remind } = this.#options;
    const { signal } = this.#stop;
    this.#acknowledging = true;
    try {
      for (let upTo = 0; upTo < this.#told && !signal.aborted; ) {
        upTo = this.#told;
        await written();
        if (signal.aborted) return;
        const last = upTo;
        const acked = await untilDone(clock, signal, () => mailbox.ackForCall(sid, epoch, last), remind);
        if (acked === 'lost') this.#lost();
      }
    } finally {
      this.#acknowledging = false;
    }
  }

  #inBackground(work: Promise<void>): void {
    work.catch((error: unknown) => {
      if (this.#stop.signal.aborted) return;
      this.#options.log.error({ err: error, callSid: this.#options.sid }, 'the box of a call could not be read');
    });
  }

  #tell(id: number, letter: CallLetter): void {
    if (id <= this.#told || this.#stop.signal.aborted) return;
    this.#told = id;
    this.#options.deliver(letter);
  }

  #lost(): void {
    if (this.#stop.signal.aborted) return;
    this.close();
    this.#options.onLost();
  }
}
