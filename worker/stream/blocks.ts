/**
 * Bytes that come in pieces of any length, kept in blocks: as much memory as there are bytes, however many pieces they come
 * in, and no piece is copied twice. Bounds are the owner's.
 */
const BLOCK_BYTES = 65_536;

export class Blocks {
  #full: Buffer[] = [];
  #last = Buffer.alloc(0);
  /** Of the last one. */
  #used = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(piece: Buffer): void {
    this.#length += piece.length;
    for (let at = 0; at < piece.length; ) {
      if (this.#used === this.#last.length) this.#begin();
      const taken = piece.copy(this.#last, this.#used, at);
      this.#used += taken;
      at += taken;
    }
  }

  /** All of them, in order; none is left. */
  take(): readonly Buffer[] {
    // A row of short ones must not keep a block each.
    const blocks = [...this.#full, Buffer.from(this.#last.subarray(0, this.#used))];
    this.clear();
    return blocks;
  }

  clear(): void {
    this.#full = [];
    this.#last = Buffer.alloc(0);
    this.#used = this.#length = 0;
  }

  #begin(): void {
    if (this.#used > 0) this.#full.push(this.#last);
    this.#last = Buffer.allocUnsafe(BLOCK_BYTES);
    this.#used = 0;
  }
}
