/**
 * The serials of this process's letters to calls, so that a letter can be posted again without being there twice. One
 * count for all calls: a call that was forgotten and is found again goes on above what it has posted. Made by the `Gateway`.
 */
import { randomBytes } from 'node:crypto';
import type { LetterSerial } from '../../shared/store/store.ts';

export class LetterSerials {
  /** Another one in each process: the next at this address counts from the beginning. */
  readonly #poster = randomBytes(8).toString('hex');
  #last = 0;

  next(): LetterSerial {
    this.#last += 1;
    return { poster: this.#poster, serial: this.#last };
  }
}
