/** The marks of a playout, by the position they wait for. Whoever is taken off is told by the playout, once. */
import type { MarkFired } from './playout-queue.ts';

interface Mark {
  readonly at: number;
  readonly fire: MarkFired;
}

/** More than one a frame for ten minutes. */
const MAX_MARKS = 32_768;

export class Marks {
  #marks: Mark[] = [];
  /** Marks before this index are off. */
  #from = 0;

  get length(): number {
    return this.#marks.length - this.#from;
  }

  /** How many of `samples` from `cursor` on lie before the first mark. */
  room(cursor: number, samples: number): number {
    const mark = this.#marks[this.#from];
    return mark ? Math.min(samples, mark.at - cursor) : samples;
  }

  /** Puts one behind all others. Of more than the bound the oldest is taken off, so that the order stays: the answer. */
  add(at: number, fire: MarkFired): MarkFired | null {
    this.#marks.push({ at, fire });
    return this.length > MAX_MARKS ? this.#shift().fire : null;
  }

  /** Takes off the first one that the cursor has reached; null when none is. */
  due(cursor: number): MarkFired | null {
    const mark = this.#marks[this.#from];
    return mark && mark.at <= cursor ? this.#shift().fire : null;
  }

  /** Takes all off, the oldest first. */
  takeAll(): readonly MarkFired[] {
    const fires = this.#marks.slice(this.#from).map(({ fire }) => fire);
    this.#marks = [];
    this.#from = 0;
    return fires;
  }

  /** There must be one. */
  #shift(): Mark {
    const mark = this.#marks[this.#from++] as Mark;
    if (this.#from === this.#marks.length) {
      this.#marks = [];
      this.#from = 0;
    } else if (this.#from >= 64 && this.#from * 2 >= this.#marks.length) {
      this.#marks.splice(0, this.#from);
      this.#from = 0;
    }
    return mark;
  }
}
