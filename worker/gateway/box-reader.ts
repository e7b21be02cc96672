/**
 * The gateway's box of one call, read when the bell rings: each letter is told once and in order. One reading at a
 * time; a ring during it makes another, and a reading that failed is tried again. Owned by its `GatewayCall`, which is
 * not forgotten before the box is `idle`: a reading to come would dial for a call that nobody knows any more.
 */
import type { GatewayLetter } from '../../shared/domain/letter.ts';
import type { Clock, Timer } from '../../shared/kernel/clock.ts';
import { withDeadline } from '../../shared/kernel/deadline.ts';
import type { CallSid } from '../../shared/kernel/ids.ts';
import type { Counters } from './counters.ts';
import type { GatewayStore } from './ports.ts';

export interface BoxReaderOptions {
  readonly sid: CallSid;
  readonly store: { readonly mailbox: Pick<GatewayStore['mailbox'], 'readForGateway'> };
  readonly clock: Clock;
  readonly counters: Counters;
  /** Never throws. */
  readonly onLetter: (id: number, letter: GatewayLetter) => void;
}

const DEADLINE_MS = 5000;
const RETRY_MS = 500;

export class BoxReader {
  readonly #options: BoxReaderOptions;
  #told = 0;
  #reading = false;
  #rangMeanwhile = false;
  #retry: Timer | null = null;
  #closed = false;

  constructor(options: BoxReaderOptions) {
    this.#options = options;
  }

  /** Nothing is read, and nothing waits to be. */
  get idle(): boolean {
    return !this.#reading && this.#retry === null;
  }

  ring(): void {
    if (this.#closed) return;
    if (this.#reading) {
      this.#rangMeanwhile = true;
      return;
    }
    this.#retry?.cancel();
    this.#retry = null;
    this.#reading = true;
    void this.#readAll();
  }

  /** What is not told yet is the next process's to read. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#retry?.cancel();
    this.#retry = null;
  }

  async #readAll(): Promise<void> {
    let fine: boolean;
    do {
      this.#rangMeanwhile = false;
      fine = await this.#read();
    } while (fine && this.#rangMeanwhile);
    this.#reading = false;
    if (!fine && !this.#closed) this.#retry = this.#options.clock.after(RETRY_MS, () => this.ring());
  }

  /** False when Redis is away. */
  async #read(): Promise<boolean> {
    const { sid, store, clock, counters } = this.#options;
    try {
      const box = await withDeadline(clock, DEADLINE_MS, 'Redis', store.mailbox.readForGateway(sid));
      for (const { id, letter } of box) this.#tell(id, letter);
      return true;
    } catch {
      counters.add('storeErrors');
      return false;
    }
  }

  #tell(id: number, letter: GatewayLetter): void {
    if (id <= this.#told || this.#closed) return;
    this.#told = id;
    this.#options.onLetter(id, letter);
  }
}
