/**
 * Feeds audio to a leg's playout a few seconds ahead and no more, in pieces with a mark behind each:
 * what is fed is heard in full, and an abort is heard at once.
 */
import { unlessAborted } from '../call/outcome.ts';
import type { PlayoutQueue } from '../media/playout-queue.ts';

/** Pieces of one second that may lie ahead of the cursor. */
const MAX_AHEAD = 4;

export class Feed {
  readonly #queue: PlayoutQueue;
  readonly #signal: AbortSignal;
  readonly #ahead: Promise<void>[] = [];

  constructor(queue: PlayoutQueue, signal: AbortSignal) {
    this.#queue = queue;
    this.#signal = signal;
  }

  /** Resolves when all samples are queued; waits while too much lies ahead. */
  async write(samples: Int16Array): Promise<void> {
    let offset = 0;
    while (offset < samples.length) {
      this.#signal.throwIfAborted();
      if (this.#ahead.length >= MAX_AHEAD) await this.#oldest();
      offset += this.#queue.enqueue(samples.subarray(offset, offset + this.#queue.rate));
      this.#ahead.push(new Promise((resolve) => this.#queue.mark(() => resolve())));
    }
  }

  /** Resolves when everything fed has been heard. */
  async drain(): Promise<void> {
    while (this.#ahead.length > 0) await this.#oldest();
  }

  async #oldest(): Promise<void> {
    const oldest = this.#ahead.shift();
    if (oldest) await unlessAborted(this.#signal, oldest);
  }
}
