/**
 * How much delay a jitter buffer has too much of: the least slack of a calm while decides, and what is too much
 * is given back a frame at a time, where it is heard least. A pure machine, asked once a beat.
 */
import { FRAME_MS } from '../media/frame.ts';

/** Least time a packet should have left before it is played. */
export const MARGIN_MS = 8;
/** Frames between two skips in sound that is not silent. */
const SKIP_SPACING = 5;
/** How long a small excess waits for a silent frame before a loud one is left out: 3 s. Speech pauses sooner. */
const SKIP_PATIENCE = 150;
/** More frames than this are too many to wait with. */
const SKIP_AT_ONCE = 3;

/** What is to be done with the next frame: leave it out if it is silent, or in any case. */
export type Excess = 'none' | 'if-quiet' | 'any';

export class DelayExcess {
  readonly #calmMs: number;
  #frames = 0;
  #sinceSkip = 0;
  #waited = 0;
  #calmSince = Number.NaN;
  #leastSlackMs = Number.POSITIVE_INFINITY;

  /** `calmMs`: how long it must be calm before the delay shrinks. */
  constructor(calmMs: number) {
    this.#calmMs = calmMs;
  }

  /** A packet came this long before it is needed. */
  note(slackMs: number): void {
    this.#leastSlackMs = Math.min(this.#leastSlackMs, slackMs);
  }

  /** It is not calm: what was seen so far counts no more. */
  disturb(): void {
    this.#calmSince = Number.NaN;
    this.#leastSlackMs = Number.POSITIVE_INFINITY;
  }

  /** A packet came too late, or everything is gone: there is no excess. */
  forget(): void {
    this.#frames = 0;
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
    if (Number.isNaN(this.#calmSince)) this.#calmSince = nowMs;
    if (nowMs - this.#calmSince < this.#calmMs) return;
    const least = this.#leastSlackMs;
    this.#frames = Number.isFinite(least) ? Math.max(0, Math.floor((least - MARGIN_MS) / FRAME_MS)) : 0;
    this.#calmSince = nowMs;
    this.#leastSlackMs = Number.POSITIVE_INFINITY;
  }
}
