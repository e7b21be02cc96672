/**
 * Puts RTP packets on one endless line of samples, whatever the sender's numbers do: wraps are
 * unrolled; a new SSRC or a jump of the timestamp is laid behind what came before it.
 * A pure machine, used by the jitter buffer.
 */
import { sequenceDistance, timestampDistance } from './serial.ts';

/** The timestamp may differ by this from what packets and time explain before it is a jump. */
const JUMP_SAMPLES = 2400;
/** Further back in the sequence than this is a restart, not a reordered packet. */
const RESTART_PACKETS = 500;

/** What `place` did to the line. */
export type Placed = 'first' | 'follows' | 'jumped';

export class SampleTimeline {
  #ssrc: number | null = null;
  #sequence = 0;
  #timestamp = 0;
  /** Position of the packet with `#timestamp`. */
  #position = 0;
  #placedAt = 0;
  #lastMs = 0;

  /** Position of the packet placed last. */
  get at(): number {
    return this.#placedAt;
  }

  /**
   * Finds the position of a packet. `freshAt` is where a line that cannot be continued goes on;
   * `nowMs` tells a long pause of the sender from a jump.
   */
  place(ssrc: number, sequence: number, timestamp: number, freshAt: number, nowMs: number): Placed {
    const known = this.#ssrc !== null;
    const step = sequenceDistance(this.#sequence, sequence);
    const distance = timestampDistance(this.#timestamp, timestamp);
    if (!known || ssrc !== this.#ssrc || this.#jumps(step, distance, nowMs)) {
      this.#ssrc = ssrc;
      this.#remember(sequence, timestamp, freshAt, nowMs);
      return known ? 'jumped' : 'first';
    }
    const position = this.#position + distance;
    if (step > 0) this.#remember(sequence, timestamp, position, nowMs);
    else this.#placedAt = position;
    return 'follows';
  }

  #remember(sequence: number, timestamp: number, position: number, nowMs: number): void {
    this.#sequence = sequence;
    this.#timestamp = timestamp;
    this.#position = position;
    this.#placedAt = position;
    this.#lastMs = nowMs;
  }

  /** A timestamp that neither the packets between nor the time between explain. */
  #jumps(step: number, distance: number, nowMs: number): boolean {
    if (Math.abs(step) > RESTART_PACKETS) return true;
    if (step > 0 && distance < 0) return true;
    if (step < 0 && distance > 0) return true;
    const elapsed = (nowMs - this.#lastMs) * 8;
    const explained = Math.max(Math.abs(step) * 480, elapsed);
    return Math.abs(distance) > explained + JUMP_SAMPLES;
  }
}
