/**
 * A queue of samples in blocks of fixed size: writing copies in, reading copies out, and neither
 * allocates once the blocks are there. Owned by the playout; knows nothing of time.
 */

interface Block {
  readonly samples: Int16Array;
  next: Block | null;
}

/** 200 ms at 8 kHz: small enough that an idle leg costs little. */
const BLOCK_SAMPLES = 1600;
/** Emptied blocks kept for the next write. */
const MAX_SPARE = 8;

export class SampleRing {
  #head: Block | null = null;
  #tail: Block | null = null;
  #readAt = 0;
  #writeAt = 0;
  #length = 0;
  #spare: Block | null = null;
  #spares = 0;

  get length(): number {
    return this.#length;
  }

  /** Appends all samples from `from` up to `to`. */
  write(samples: Int16Array, from: number, to: number): void {
    let at = from;
    while (at < to) {
      if (!this.#tail || this.#writeAt === BLOCK_SAMPLES) this.#extend();
      const tail = this.#tail as Block;
      const count = Math.min(to - at, BLOCK_SAMPLES - this.#writeAt);
      if (count === samples.length) {
        tail.samples.set(samples, this.#writeAt);
        at += count;
      } else for (let to = this.#writeAt; to < this.#writeAt + count; to++) tail.samples[to] = samples[at++] as number;
      this.#writeAt += count;
    }
    this.#length += Math.max(0, to - from);
  }

  /** Moves up to `count` samples into `out` from `at` on; answers with how many there were. */
  read(out: Int16Array, at: number, count: number): number {
    const total = Math.min(count, this.#length);
    let done = 0;
    while (done < total) {
      const head = this.#head as Block;
      const end = Math.min(this.#readAt + total - done, BLOCK_SAMPLES);
      for (let i = this.#readAt; i < end; i++) out[at + done++] = head.samples[i] as number;
      this.#readAt = end;
      if (end === BLOCK_SAMPLES) this.#shift(head);
    }
    this.#length -= total;
    return total;
  }

  /** Copies up to `count` samples into `out`; they stay. Answers with how many there were. */
  peek(out: Int16Array, count: number): number {
    const total = Math.min(count, this.#length);
    let block = this.#head;
    let from = this.#readAt;
    for (let done = 0; done < total && block !== null; block = block.next, from = 0) {
      const end = Math.min(from + total - done, BLOCK_SAMPLES);
      for (let i = from; i < end; i++) out[done++] = block.samples[i] as number;
    }
    return total;
  }

  /** Forgets everything that was not read. */
  clear(): void {
    while (this.#head) this.#shift(this.#head);
    this.#length = 0;
  }

  #extend(): void {
    const block = this.#spare ?? { samples: new Int16Array(BLOCK_SAMPLES), next: null };
    if (block === this.#spare) {
      this.#spare = block.next;
      this.#spares--;
      block.next = null;
    }
    if (this.#tail) this.#tail.next = block;
    else this.#head = block;
    this.#tail = block;
    this.#writeAt = 0;
  }

  #shift(head: Block): void {
    this.#head = head.next;
    this.#readAt = 0;
    if (!this.#head) {
      this.#tail = null;
      this.#writeAt = 0;
    }
    if (this.#spares >= MAX_SPARE) return;
    head.next = this.#spare;
    this.#spare = head;
    this.#spares++;
  }
}
