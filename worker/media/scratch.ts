/**
 * Room for samples that are lent from call to call. Pieces of audio are nearly always as long as the one before, and then
 * nothing is made for the next. Owned by whoever lends.
 */
export class Scratch {
  #room = new Int16Array(0);
  #lent = this.#room;

  /** So many samples, of any content; whatever was lent before is void. */
  lend(length: number): Int16Array {
    if (this.#lent.length === length) return this.#lent;
    if (this.#room.length < length) this.#room = new Int16Array(length);
    this.#lent = this.#room.subarray(0, length);
    return this.#lent;
  }
}
