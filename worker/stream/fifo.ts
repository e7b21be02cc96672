/** First in, first out, without moving what is left at every take. Bounds are the owner's. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #from = 0;

  get length(): number {
    return this.#items.length - this.#from;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** Puts items before all others, in their order. */
  unshift(items: readonly T[]): void {
    this.#items = [...items, ...this.#items.slice(this.#from)];
    this.#from = 0;
  }

  /** Lets go of all others. */
  keep(wanted: (item: T) => boolean): void {
    this.#items = this.#items.slice(this.#from).filter((item) => item !== undefined && wanted(item));
    this.#from = 0;
  }

  clear(): void {
    this.#items = [];
    this.#from = 0;
  }

  peek(): T | undefined {
    return this.#items[this.#from];
  }

  shift(): T | undefined {
    const item = this.#items[this.#from];
    if (item === undefined) return undefined;
    // What was taken is let go at once, not when the row is cut.
    this.#items[this.#from] = undefined;
    this.#from += 1;
    if (this.#from === this.#items.length) {
      this.#items = [];
      this.#from = 0;
    } else if (this.#from >= 256) {
      this.#items = this.#items.slice(this.#from);
      this.#from = 0;
    }
    return item;
  }
}
