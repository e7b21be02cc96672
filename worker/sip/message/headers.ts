/**
 * The header fields of one message, in order, with inner (lower case, long) names.
 * Two flat arrays: a message has some fifteen fields, and a scan beats a map at that size.
 */
import { splitList } from './text.ts';

export class HeaderList {
  readonly #names: string[];
  readonly #values: string[];

  constructor(names: string[] = [], values: string[] = []) {
    this.#names = names;
    this.#values = values;
  }

  /** Builds from `[inner name, value]` pairs. */
  static of(...fields: readonly (readonly [string, string])[]): HeaderList {
    const list = new HeaderList();
    for (const [name, value] of fields) list.add(name, value);
    return list;
  }

  get size(): number {
    return this.#names.length;
  }

  add(name: string, value: string): void {
    this.#names.push(name);
    this.#values.push(value);
  }

  /** Puts a field before all others, as a new top Via wants to be. */
  prepend(name: string, value: string): void {
    this.#names.unshift(name);
    this.#values.unshift(value);
  }

  /** Replaces the first field of that name, or adds it. Further ones of the name stay. */
  set(name: string, value: string): void {
    const at = this.#names.indexOf(name);
    if (at < 0) this.add(name, value);
    else this.#values[at] = value;
  }

  remove(name: string): void {
    for (let at = this.#names.length - 1; at >= 0; at--) {
      if (this.#names[at] !== name) continue;
      this.#names.splice(at, 1);
      this.#values.splice(at, 1);
    }
  }

  /** The first field's value, or null. */
  get(name: string): string | null {
    const at = this.#names.indexOf(name);
    return at < 0 ? null : (this.#values[at] ?? null);
  }

  has(name: string): boolean {
    return this.#names.includes(name);
  }

  /** Every field's value of that name, as it was sent. */
  all(name: string): string[] {
    const found: string[] = [];
    for (let at = 0; at < this.#names.length; at++) {
      if (this.#names[at] === name) found.push(this.#values[at] ?? '');
    }
    return found;
  }

  /** The elements of a comma-separated header, over all its fields. */
  list(name: string): string[] {
    const found: string[] = [];
    for (const value of this.all(name)) found.push(...splitList(value));
    return found;
  }

  count(name: string): number {
    let count = 0;
    for (const other of this.#names) if (other === name) count++;
    return count;
  }

  copy(): HeaderList {
    return new HeaderList([...this.#names], [...this.#values]);
  }

  forEach(visit: (name: string, value: string) => void): void {
    for (let at = 0; at < this.#names.length; at++) visit(this.#names[at] ?? '', this.#values[at] ?? '');
  }

  /** For comparisons and data: pairs in order. */
  toJSON(): (readonly [string, string])[] {
    return this.#names.map((name, at) => [name, this.#values[at] ?? ''] as const);
  }
}
