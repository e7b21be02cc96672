/**
 * All native sockets of a thread: one wake-up of the kernel brings whatever came for any of them, in one call.
 * Owned by the thread, which closes it.
 */
import { getSystemErrorName } from 'node:util';
import { type Addon, ROW } from './addon.ts';

/** One row; what `a` … `c` are is the row's. */
export interface RowTaker {
  onRow(row: number, a: number, b: number, c: number): void;
}

/** The longest message and what is read at once, several times. */
const ARENA_BYTES = 4 * 1024 * 1024;
const MAX_ROWS = 4096;
const MAX_SOCKETS = 32_768;

export class Reactor {
  readonly addon: Addon;
  /** What rows point at, until the row's taker returns. */
  readonly arena = Buffer.allocUnsafeSlow(ARENA_BYTES);
  readonly #rows = new Int32Array(MAX_ROWS * ROW);
  readonly #backlog = new Int32Array(MAX_SOCKETS * 2);
  readonly #takers: (RowTaker | undefined)[] = [];
  #closed = false;

  /** @throws when the kernel has no descriptor left, or the thread has one already. */
  constructor(addon: Addon) {
    this.addon = addon;
    const failed = addon.start((count) => this.#take(count), this.arena, this.#rows, this.#backlog);
    if (failed < 0) throw systemError(failed, 'media sockets');
  }

  /** From here on `taker` is told what comes for the socket. */
  listen(socket: number, taker: RowTaker): void {
    this.#takers[socket] = taker;
  }

  /** Bytes handed over that the kernel has not taken. */
  unsentBytes(socket: number): number {
    return this.#backlog[socket * 2] ?? 0;
  }

  /** Messages handed over that the kernel has not taken whole. */
  unsentMessages(socket: number): number {
    return this.#backlog[socket * 2 + 1] ?? 0;
  }

  release(socket: number): void {
    this.#takers[socket] = undefined;
    if (!this.#closed) this.addon.close(socket);
  }

  /** Closes what is still open. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.addon.stop();
  }

  #take(count: number): void {
    const table = this.#rows;
    for (let at = 0; at < count * ROW; at += ROW) {
      const taker = this.#takers[table[at + 1] as number];
      try {
        taker?.onRow(table[at] as number, table[at + 2] as number, table[at + 3] as number, table[at + 4] as number);
      } catch (error) {
        // The others have their turn; nobody else knows whose it is.
        setImmediate(() => {
          throw error;
        });
      }
    }
  }
}

/** An error as Node's own sockets have them. `result` is errno, negated. */
export function systemError(result: number, what: string): NodeJS.ErrnoException {
  const code = getSystemErrorName(result);
  return Object.assign(new Error(`${what}: ${code}`), { code, errno: result, syscall: what });
}
