/**
 * What one phone heard: the longest silence, from the times of RTP packets, and from whom. A second
 * source may follow the first, never speak beside it: a packet from a source that was already
 * succeeded is a second owner.
 */

/** What reaches the phone within this of a change of source was on its way already. */
const UNDERWAY_MS = 5;

export interface Heard {
  readonly packets: number;
  /** Longest time without a packet since the mark, milliseconds; up to now when it still lasts. */
  readonly silenceMs: number;
  /** Sources since the beginning, in the order they were first heard. */
  readonly sources: readonly string[];
  /** Packets of a source that another had succeeded, since the mark. */
  readonly twoOwners: number;
  /** The longest time after which such a packet came. */
  readonly twoOwnersMs: number;
}

export class Hearing {
  readonly #sources: string[] = [];
  #packets = 0;
  #lastAt: number | null = null;
  #silenceMs = 0;
  #changedAt = 0;
  #twoOwners = 0;
  #twoOwnersMs = 0;
  #over = false;

  /** The call is up: whether anything comes at all counts from here. */
  begin(at = performance.now()): void {
    this.#lastAt ??= at;
  }

  packet(source: string, data: Uint8Array, at: number): void {
    if (data.length < 12 || this.#over || isRtcp(data)) return;
    this.#packets += 1;
    if (this.#lastAt !== null) this.#silenceMs = Math.max(this.#silenceMs, at - this.#lastAt);
    this.#lastAt = at;
    if (source === this.#sources.at(-1)) return;
    if (!this.#sources.includes(source)) {
      this.#sources.push(source);
      this.#changedAt = at;
      return;
    }
    const after = at - this.#changedAt;
    if (after <= UNDERWAY_MS) return;
    this.#twoOwners += 1;
    this.#twoOwnersMs = Math.max(this.#twoOwnersMs, after);
  }

  /** Begins to count anew. */
  mark(at: number): void {
    this.#silenceMs = 0;
    this.#twoOwners = 0;
    this.#twoOwnersMs = 0;
    if (this.#lastAt !== null) this.#lastAt = at;
  }

  /** The call is over: what still comes is nobody's fault, and silence is right. */
  end(): void {
    this.#over = true;
  }

  report(at: number): Heard {
    const still = this.#lastAt === null || this.#over ? 0 : at - this.#lastAt;
    return {
      packets: this.#packets,
      silenceMs: Math.round(Math.max(this.#silenceMs, still)),
      sources: [...this.#sources],
      twoOwners: this.#twoOwners,
      twoOwnersMs: Math.round(this.#twoOwnersMs),
    };
  }
}

/** Reports to the port below ours come here: ports of phones lie side by side (RFC 5761 §4 tells them apart). */
function isRtcp(data: Uint8Array): boolean {
  const type = data[1] ?? 0;
  return type >= 192 && type <= 223;
}
