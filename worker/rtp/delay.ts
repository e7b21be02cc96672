/**
 * How much delay a jitter buffer has too much of: the least slack of a calm while decides, and what is too much
 * is given back a frame at a time, where it is heard least. A pure machine, asked once a beat.
 */
import { FRAME_MS } from '../media/frame.ts';

/** Least time a packet should have left before it is played. */
export const MARGIN_MS = 8;
/** Frames between two that are made up for in sound that is not silent. */
const SKIP_SPACING = 5;
/** How long a small excess waits for a silent frame before it is made up for in sound: 3 s. Speech pauses sooner. */
const SKIP_PATIENCE = 150;
/** More frames than this are too many to wait with. */
const SKIP_AT_ONCE = 1;

/** An excess as large as this is seen sooner: it is no jitter. */
const PLAIN_EXCESS_MS = 100;
const PLAIN_CALM_MS = 500;

/**
 * What is less than a frame is given back by beating earlier: so much is left, after so long without a packet too late;
 * each one that is too late makes that twice as long.
 */
const ALIGN_MARGIN_MS = 10;
const ALIGN_LEAST_MS = 4;
const ALIGN_FIRST_MS = 4_000;
const ALIGN_MOST_MS = 300_000;

/** What is to be done about the next frame: leave it out if it is silent, or make up for it in any case. */
export type Excess = 'none' | 'if-quiet' | 'any';

export class DelayExcess {
  readonly #calmMs: number;
  #frames = 0;
  #sinceSkip = 0;
  #waited = 0;
  #calmSince = Number.NaN;
  #leastSlackMs = Number.POSITIVE_INFINITY;
  /** The same of the last half second alone. */
  #shortSince = Number.NaN;
  #shortLeastMs = Number.POSITIVE_INFINITY;

  /** Milliseconds to beat earlier by, until somebody takes them. */
  #earlyMs = 0;
  #lateAt = Number.NaN;
  #alignAfterMs = ALIGN_FIRST_MS / 2;
  #wasLate = true;

  /** `calmMs`: how long it must be calm before the delay shrinks. */
  constructor(calmMs: number) {
    this.#calmMs = calmMs;
  }

  /** A packet came this long before it is needed. */
  note(slackMs: number): void {
    this.#leastSlackMs = Math.min(this.#leastSlackMs, slackMs);
    this.#shortLeastMs = Math.min(this.#shortLeastMs, slackMs);
  }

  /** It is not calm: what was seen so far counts no more. */
  disturb(): void {
    this.#calmSince = Number.NaN;
    this.#leastSlackMs = Number.POSITIVE_INFINITY;
  }

  /** A packet came too late, everything is gone, or another source speaks: there is no excess. */
  forget(): void {
    this.#frames = 0;
    this.#earlyMs = 0;
    this.#wasLate = true;
  }

  /** By how much beats should come earlier from here on; told once. */
  takeEarly(): number {
    const early = this.#earlyMs;
    this.#earlyMs = 0;
    return early;
  }

  /** Once a beat; `enough`: there is a frame to play behind the one left out. */
  beat(nowMs: number, enough: boolean): Excess {
    this.#look(nowMs);
    this.#sinceSkip += 1;
    if (this.#frames === 0 || !enough) {
      this.#waited = 0;
      return 'none';
    }
    this.#waited += 1;
    const patience = this.#frames > SKIP_AT_ONCE ? SKIP_SPACING : SKIP_PATIENCE;
    return this.#sinceSkip < SKIP_SPACING || this.#waited < patience ? 'if-quiet' : 'any';
  }

  /** A frame was left out. */
  skipped(): void {
    this.#frames -= 1;
    this.#sinceSkip = 0;
    this.#waited = 0;
    this.disturb();
  }

  #look(nowMs: number): void {
    this.#lookShortly(nowMs);
    if (this.#wasLate) {
      this.#wasLate = false;
      this.#lateAt = nowMs;
      this.#alignAfterMs = Math.min(2 * this.#alignAfterMs, ALIGN_MOST_MS);
    }
    if (Number.isNaN(this.#calmSince)) this.#calmSince = nowMs;
    if (nowMs - this.#calmSince < this.#calmMs) return;
    this.#frames = framesOf(this.#leastSlackMs);
    this.#align(nowMs);
    this.#calmSince = nowMs;
    this.#leastSlackMs = Number.POSITIVE_INFINITY;
  }

  #align(nowMs: number): void {
    const early = this.#leastSlackMs - ALIGN_MARGIN_MS;
    if (this.#frames > 0 || early < ALIGN_LEAST_MS || nowMs - this.#lateAt < this.#alignAfterMs) return;
    if (Number.isFinite(early)) this.#earlyMs = early;
  }

  #lookShortly(nowMs: number): void {
    if (Number.isNaN(this.#shortSince)) this.#shortSince = nowMs;
    if (nowMs - this.#shortSince < PLAIN_CALM_MS) return;
    const least = this.#shortLeastMs;
    if (Number.isFinite(least) && least > PLAIN_EXCESS_MS) this.#frames = framesOf(least);
    this.#shortSince = nowMs;
    this.#shortLeastMs = Number.POSITIVE_INFINITY;
  }
}

/** Whole frames by which the least slack is too much. */
function framesOf(leastMs: number): number {
  return Number.isFinite(leastMs) ? Math.max(0, Math.floor((leastMs - MARGIN_MS) / FRAME_MS)) : 0;
}
