/**
 * What a leg will hear: audio and marks in one queue, taken 20 ms at a time by the leg's beat.
 * The leg owns it. Positions are counted in samples since the leg began:
 *
 *     played      | queued                  |
 *   ──────────────┼────────────┬────────────┼──▶
 *               cursor       mark        written        cleared audio moves the cursor, not `played`
 *
 * A live producer that falls behind is given a small pre-buffer before it is heard again, so that
 * one late packet makes one gap and not a row of them. One whose clock is not ours is kept pace with, and what
 * came late because it was held up is played a little faster until it is late no more.
 */
import { frameSamples, LivePace, stretch } from './live-pace.ts';
import { Marks } from './marks.ts';
import { saturate } from './mixer.ts';
import type { MarkFired, PlayoutQueue } from './playout-queue.ts';
import { SampleRing } from './sample-ring.ts';
import { findShortening, isQuiet, reachOf, shorten } from './shorten.ts';
import { Stall } from './stall.ts';

export interface PlayoutOptions {
  /** Hertz: the leg's rate. */
  readonly rate: number;
  /** Told when a mark's listener threw; must not throw itself. */
  readonly report: (error: unknown) => void;
  /** Kept before a live producer is heard again after an underrun; default 40. */
  readonly preBufferMs?: number;
  /** Most that may wait; default 10 minutes. */
  readonly boundMs?: number;
}

const FADE_MS = 5;
/** Beats between two periods that are left out of a sound, and beats after which one is left out wherever it is. */
const SHORTEN_EVERY = 3;
const SHORTEN_ANYWAY = 10;

export class Playout implements PlayoutQueue {
  #rate = 0;
  readonly #report: (error: unknown) => void;
  readonly #preBufferMs: number;
  readonly #boundMs: number;
  #preBuffer = 0;
  #bound = 0;
  readonly #ring = new SampleRing();
  #fade = new Int16Array(0);
  readonly #marks = new Marks();
  #cursor = 0;
  #dropped = 0;
  #underruns = 0;
  #live = false;
  /** Since there was a live producer. */
  #pace: LivePace | null = null;
  #stall: Stall | null = null;
  /** A frame that is longer or shorter than it will be. */
  #uneven = new Int16Array(0);
  #quiet = false;
  #sinceShortened = 0;
  /** Live and starved: nothing is played until the pre-buffer is there or has been waited for. */
  #starved = false;
  #waited = 0;
  /** The sample before the cursor was heard: stopping here would click. */
  #sounding = false;
  #fadeLength = 0;
  #fadeFrom = 0;
  /** Where in the running frame `next` is. */
  #frameAt = 0;

  constructor({ rate, report, preBufferMs = 40, boundMs = 600_000 }: PlayoutOptions) {
    this.#report = report;
    this.#preBufferMs = preBufferMs;
    this.#boundMs = boundMs;
    this.#setRate(rate);
  }

  get rate(): number {
    return this.#rate;
  }

  /** Another rate, as long as nothing was queued; after that samples and positions are of the rate there is. */
  tune(rate: number): void {
    if (this.#cursor === 0 && this.#ring.length === 0) this.#setRate(rate);
  }

  get queuedSamples(): number {
    return this.#ring.length;
  }

  get playedSamples(): number {
    return this.#cursor - this.#dropped;
  }

  get underruns(): number {
    return this.#underruns;
  }

  enqueue(samples: Int16Array): number {
    const taken = Math.min(samples.length, this.#bound - this.#ring.length);
    this.#ring.write(samples, 0, taken);
    if (this.#live) {
      this.#pace?.arrived();
      this.#stall?.arrived();
    } else this.#restart();
    return taken;
  }

  mark(fire: MarkFired): void {
    if (this.#ring.length === 0 && this.#marks.length === 0) {
      this.#tell(fire, false);
      return;
    }
    const oldest = this.#marks.add(this.#cursor + this.#ring.length, fire);
    if (oldest !== null) this.#tell(oldest, true);
  }

  clear(): { readonly playedSamples: number; readonly droppedSamples: number } {
    const droppedSamples = this.#ring.length;
    if (this.#sounding && droppedSamples > 0) this.#takeFade();
    this.#ring.clear();
    this.#cursor += droppedSamples;
    this.#dropped += droppedSamples;
    this.#starved = false;
    this.#sounding = false;
    this.#restart();
    const playedSamples = this.playedSamples;
    for (const fire of this.#marks.takeAll()) this.#tell(fire, true);
    return { playedSamples, droppedSamples };
  }

  setLive(live: boolean): void {
    if (live === this.#live) return;
    this.#live = live;
    const starved = this.#starved;
    this.#starved = false;
    if (!live) {
      // What was promised had come to its end: nothing of it is late any more.
      this.#stall?.settle();
      // Perhaps the end of all, perhaps one chunk of many, of an app that is held up now.
      if (!starved && this.#ring.length === 0) this.#stall?.ranDry(0);
      return;
    }
    this.#watch();
  }

  expectRelayed(samples: number): void {
    if (samples === 0) return;
    this.#watch();
    this.#stall?.expectRelayed(samples);
  }

  /** Our own beats are late: what is missing now is no fault of the producer's. */
  late(): void {
    this.#stall?.late();
  }

  /** So many of our own beats were given up. */
  skipped(beats: number): void {
    if (this.#live) this.#stall?.skipped(beats);
  }

  /**
   * Fills the whole of `out`, with silence where nothing is queued, and fires the marks the cursor
   * passes. Answers with false when all of it is silence.
   */
  next(out: Int16Array): boolean {
    const pace = this.#pace;
    const stall = this.#stall;
    if (pace === null || stall === null || out.length !== frameSamples(this.#rate)) return this.#take(out, out.length);
    if (!this.#starved && stall.isOpen) this.#mind(stall, pace);
    const spare = this.#starved ? -1 : this.#ring.length - out.length;
    const owed = stall.beat(spare);
    if (owed > 0 && spare > 0) {
      pace.restart();
      return this.#hurry(out, owed, stall);
    }
    const extra = pace.beat(this.#ring.length, this.#quiet, spare);
    let heard: boolean;
    if (extra === 0) heard = this.#take(out, out.length);
    else {
      heard = this.#take(this.#uneven, out.length + extra);
      stretch(this.#uneven, out.length + extra, out);
    }
    this.#quiet = pace.owes && isQuiet(out, out.length);
    return heard;
  }

  /** The queue ran empty without an underrun, as nothing more was promised: whether it was a stall is seen when it goes on. */
  #mind(stall: Stall, pace: LivePace): void {
    const queued = this.#ring.length;
    if (queued === 0) stall.waited();
    else {
      const cushion = stall.resumed(queued);
      if (cushion > 0) pace.restart(cushion);
    }
  }

  /** A frame out of more than a frame, where that is not heard. */
  #hurry(out: Int16Array, owed: number, stall: Stall): boolean {
    this.#sinceShortened += 1;
    const have = this.#ring.peek(this.#uneven, this.#uneven.length);
    const most = Math.min(owed, out.length);
    const mayShorten = this.#sinceShortened >= SHORTEN_EVERY || isQuiet(this.#uneven, have);
    const anyway = this.#sinceShortened >= SHORTEN_ANYWAY;
    const leftOut = mayShorten ? findShortening(this.#uneven, have, out.length, most, this.#rate, anyway) : 0;
    if (leftOut === 0) return this.#take(out, out.length);
    this.#sinceShortened = 0;
    stall.gave(leftOut);
    const heard = this.#take(this.#uneven, out.length + leftOut);
    shorten(this.#uneven, leftOut, out, this.#rate);
    return heard;
  }

  /** There is a live producer from here on, or will be. */
  #watch(): void {
    if (this.#pace !== null) return;
    this.#pace = new LivePace(this.#rate);
    this.#stall = new Stall(this.#rate);
    this.#uneven = new Int16Array(2 * frameSamples(this.#rate) + reachOf(this.#rate));
  }

  /** What was known of a live producer means nothing any more. */
  #restart(): void {
    this.#pace?.restart();
    this.#stall?.forget();
  }

  /** The next `length` samples of what is queued, or silence. */
  #take(out: Int16Array, length: number): boolean {
    const playing = this.#mayPlay();
    let heard = false;
    this.#frameAt = 0;
    while (playing && this.#frameAt < length && this.#ring.length > 0) {
      const room = this.#marks.room(this.#cursor, length - this.#frameAt);
      const count = this.#ring.read(out, this.#frameAt, room);
      this.#cursor += count;
      this.#frameAt += count;
      this.#sounding = heard = true;
      this.#fireDue();
    }
    if (this.#frameAt < length) {
      out.fill(0, this.#frameAt, length);
      this.#rest(length - this.#frameAt);
    }
    this.#frameAt = 0;
    return this.#mixFade(out, length) || heard;
  }

  #setRate(rate: number): void {
    this.#rate = rate;
    this.#preBuffer = Math.round((this.#preBufferMs * rate) / 1000);
    this.#bound = Math.round((this.#boundMs * rate) / 1000);
    this.#fade = new Int16Array(Math.round((FADE_MS * rate) / 1000));
  }

  /** Whether a live producer that fell behind has caught up, or has been waited for long enough. */
  #mayPlay(): boolean {
    if (!this.#starved) return true;
    const queued = this.#ring.length;
    if (queued > 0) this.#waited += 1;
    if (queued > 0 && (queued >= this.#preBuffer || this.#waited * (this.#rate / 50) > this.#preBuffer)) {
      this.#starved = false;
      this.#pace?.restart(this.#stall?.resumed(queued, (this.#waited - 1) * (this.#rate / 50)));
      return true;
    }
    this.#stall?.waited();
    return false;
  }

  /** The frame ends in silence. */
  #rest(missing: number): void {
    if (this.#live && this.#sounding) {
      this.#underruns++;
      this.#starved = true;
      this.#waited = 0;
      this.#pace?.restart();
      this.#stall?.ranDry(missing);
    }
    this.#sounding = false;
  }

  #fireDue(): void {
    for (let fire = this.#marks.due(this.#cursor); fire !== null; fire = this.#marks.due(this.#cursor)) {
      this.#tell(fire, false);
    }
  }

  #tell(fire: MarkFired, cleared: boolean): void {
    try {
      fire({ cleared, atSample: this.playedSamples });
    } catch (error) {
      this.#report(error);
    }
  }

  /** Keeps the next 5 ms, falling to silence, for the place the cursor is at; counted as dropped. */
  #takeFade(): void {
    const count = this.#ring.read(this.#fade, 0, this.#fade.length);
    for (let i = 0; i < count; i++) this.#fade[i] = Math.round(((this.#fade[i] as number) * (count - i)) / (count + 1));
    this.#fadeLength = count;
    this.#fadeFrom = this.#frameAt;
  }

  /** Adds the fade to what follows the clear; it is 5 ms and may reach into the next frame. */
  #mixFade(out: Int16Array, room: number): boolean {
    const length = this.#fadeLength;
    if (length === 0) return false;
    const count = Math.min(length, room - this.#fadeFrom);
    for (let i = 0; i < count; i++) {
      const at = this.#fadeFrom + i;
      out[at] = saturate((out[at] as number) + (this.#fade[i] as number));
    }
    this.#fade.copyWithin(0, count, length);
    this.#fadeLength = length - count;
    this.#fadeFrom = 0;
    return true;
  }
}
