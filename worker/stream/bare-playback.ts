/**
 * Bare samples of a live app on their way into the playout, in the order they came and whatever their formats are. What
 * takes long to convert goes in slices, so that other calls get their beats in between. Owned by the bidirectional mode.
 */
import { type BareFormat, BareReader, costOf, RESAMPLER_COST, sameFormat } from './bare-samples.ts';
import type { Playback } from './playback.ts';

/** As `costOf` has it: a slice takes a millisecond or two. */
const SLICE_COST = 524_288;

export class BarePlayback {
  readonly #playback: Playback;
  #reader: BareReader | null = null;

  constructor(playback: Playback) {
    this.#playback = playback;
  }

  /** As `costOf` has it, and what it costs to begin anew. */
  costOf(bytes: number, format: BareFormat): number {
    const { rate } = this.#playback;
    const begins = format.sampleRate !== rate && !this.#continues(format);
    return costOf(bytes, format, rate) + (begins ? RESAMPLER_COST : 0);
  }

  /** How many of the bytes may be played at once: all of them, as a rule. */
  sliceOf(bytes: number, format: BareFormat): number {
    const cost = costOf(bytes, format, this.#playback.rate);
    return cost <= SLICE_COST ? bytes : Math.ceil((bytes * SLICE_COST) / cost);
  }

  play(bytes: Uint8Array, format: BareFormat): void {
    if (!this.#continues(format)) this.forget();
    this.#reader ??= new BareReader(format, this.#playback.rate);
    this.#playback.play(this.#reader.read(bytes));
  }

  /** Half a sample and what the resampler has heard are let go: what comes next continues nothing. Idempotent. */
  forget(): void {
    this.#reader?.close();
    this.#reader = null;
  }

  #continues(format: BareFormat): boolean {
    return this.#reader !== null && sameFormat(this.#reader.format, format);
  }
}
