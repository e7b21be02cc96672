/**
 * What RTCP tells the sender about its packets: highest sequence number, losses and interarrival
 * jitter (RFC 3550 §6.4.1, appendices A.3 and A.8). Counts every packet of the source, also events.
 */
import { sequenceDistance } from './serial.ts';

/** A jump this far is a restarted sender, not loss. */
const RESTART = 3000;

export interface ReceptionFigures {
  readonly ssrc: number;
  /** Losses since the last report as a fraction of 256. */
  readonly fractionLost: number;
  /** Not below zero: the duplicates that would make it so are no loss. */
  readonly totalLost: number;
  /** With the cycles in the upper 16 bits. */
  readonly highestSequence: number;
  /** In timestamp units. */
  readonly jitter: number;
}

export class Reception {
  #ssrc: number | null = null;
  #base = 0;
  #highest = 0;
  #received = 0;
  #transit = 0;
  #jitter = 0;
  #expectedBefore = 0;
  #receivedBefore = 0;

  get ssrc(): number | null {
    return this.#ssrc;
  }

  get received(): number {
    return this.#received;
  }

  /** Packets expected and never seen; may be negative by duplicates. */
  get lost(): number {
    return this.#ssrc === null ? 0 : this.#highest - this.#base + 1 - this.#received;
  }

  /** `clockRate` in Hz; `timed` is false for packets whose timestamp does not follow time (telephone-event). */
  count(ssrc: number, sequence: number, timestamp: number, nowMs: number, clockRate: number, timed: boolean): void {
    const step = sequenceDistance(this.#highest & 0xffff, sequence);
    if (ssrc !== this.#ssrc || Math.abs(step) > RESTART) this.#restart(ssrc, sequence);
    else if (step > 0) this.#highest += step;
    this.#received += 1;
    if (timed) this.#measure(timestamp, (nowMs * clockRate) / 1000);
  }

  /** Figures for a report; the fraction is since the last call. Null before the first packet. */
  report(): ReceptionFigures | null {
    if (this.#ssrc === null) return null;
    const expected = this.#highest - this.#base + 1;
    const expectedNow = expected - this.#expectedBefore;
    const lostNow = expectedNow - (this.#received - this.#receivedBefore);
    this.#expectedBefore = expected;
    this.#receivedBefore = this.#received;
    return {
      ssrc: this.#ssrc,
      fractionLost: expectedNow <= 0 || lostNow <= 0 ? 0 : Math.min(255, Math.floor((lostNow * 256) / expectedNow)),
      totalLost: Math.max(0, Math.min(0x7f_ffff, expected - this.#received)),
      highestSequence: this.#highest % 0x1_0000_0000,
      jitter: Math.floor(this.#jitter),
    };
  }

  #restart(ssrc: number, sequence: number): void {
    this.#ssrc = ssrc;
    this.#base = sequence;
    this.#highest = sequence;
    this.#received = 0;
    this.#transit = Number.NaN;
    this.#jitter = 0;
    this.#expectedBefore = 0;
    this.#receivedBefore = 0;
  }

  #measure(timestamp: number, arrival: number): void {
    const transit = arrival - timestamp;
    const change = Math.abs(transit - this.#transit);
    if (change < 0x4000_0000) this.#jitter += (change - this.#jitter) / 16;
    this.#transit = transit;
  }
}
