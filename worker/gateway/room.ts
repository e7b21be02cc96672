/** How much may wait for Redis in the whole gateway: letters and timeline entries of all calls together. */

export class Room {
  #used = 0;
  readonly #size: number;

  constructor(size: number) {
    this.#size = size;
  }

  take(): boolean {
    if (this.#used >= this.#size) return false;
    this.#used += 1;
    return true;
  }

  /** For what must not be lost: letters are few and bounded per call. */
  insist(): void {
    this.#used += 1;
  }

  give(count: number): void {
    this.#used -= count;
  }

  get used(): number {
    return this.#used;
  }
}
