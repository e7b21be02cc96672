/**
 * Payload bytes by their place on the line of samples, each with the payload type it came as. Storage of
 * the jitter buffer: two seconds, no allocation after construction.
 */
import type { RtpHeader } from './packet.ts';

/** Samples kept: a power of two, more than the longest delay, our own lateness and the longest packet. */
const RING = 16_384;
const MASK = RING - 1;

/** The type of a byte that is not there. */
export const NOTHING = 255;

/** What `take` found. */
export interface Taken {
  /** Bytes that are not there. */
  missing: number;
  /** Place behind the last byte that is; −∞ for none. */
  end: number;
  /** Type of the first byte, and whether another follows. */
  firstType: number;
  mixed: boolean;
}

export class PayloadRing {
  readonly #bytes = new Uint8Array(RING);
  readonly #types = new Uint8Array(RING).fill(NOTHING);
  readonly #taken: Taken = { missing: 0, end: 0, firstType: NOTHING, mixed: false };

  /** Lays the end of a packet's payload at `from` … `end`; what is there already stays. */
  write(from: number, end: number, header: RtpHeader, packet: Uint8Array): void {
    let source = header.payloadEnd - (end - from);
    for (let at = from; at < end; at++) {
      const slot = at & MASK;
      if (this.#types[slot] === NOTHING) {
        this.#bytes[slot] = packet[source] ?? 0;
        this.#types[slot] = header.payloadType;
      }
      source += 1;
    }
  }

  /** Moves the bytes from `from` on out of the ring. The answer is lent until the next call. */
  take(from: number, bytes: Uint8Array, types: Uint8Array): Taken {
    const taken = this.#taken;
    taken.firstType = this.typeAt(from);
    taken.missing = 0;
    taken.end = Number.NEGATIVE_INFINITY;
    taken.mixed = false;
    for (let index = 0; index < bytes.length; index++) {
      const slot = (from + index) & MASK;
      const type = this.#types[slot] ?? NOTHING;
      if (type === NOTHING) taken.missing += 1;
      else taken.end = from + index + 1;
      if (type !== taken.firstType) taken.mixed = true;
      bytes[index] = this.#bytes[slot] ?? 0;
      types[index] = type;
      this.#types[slot] = NOTHING;
    }
    return taken;
  }

  typeAt(at: number): number {
    return this.#types[at & MASK] ?? NOTHING;
  }

  /** Copies the bytes from `from` on; they stay. */
  peek(from: number, bytes: Uint8Array): void {
    for (let index = 0; index < bytes.length; index++) bytes[index] = this.#bytes[(from + index) & MASK] ?? 0;
  }

  forget(from: number, to: number): void {
    for (let at = Math.max(from, to - RING); at < to; at++) this.#types[at & MASK] = NOTHING;
  }

  clear(): void {
    this.#types.fill(NOTHING);
  }
}
