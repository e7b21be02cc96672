/**
 * What a leg will hear: audio and marks in one queue, taken 20 ms at a time by the leg's beat.
 * The leg owns it. Positions are counted in samples since the leg began:
 *
 *     played      | queued                  |
 *   ──────────────┼────────────┬────────────┼──▶
 *               cursor       mark        written        cleared audio moves the cursor, not `played`
 *
 * A live producer that falls behind is given a small pre-buffer before it is heard again, so that
 * one late packet makes one gap and not a row of them. One whose clock is not ours is kept pace with.
 */
import { frameSamples, LivePace, paceStep, stretch } from './live-pace.ts';
import { saturate } from './mixer.ts';
import type { MarkFired, PlayoutQueue } from './playout-queue.ts';
import { SampleRing } from './sample-ring.ts';

interface Mark {
  readonly at: number;
  readonly fire: MarkFired;
}

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

/** More than one a frame for ten minutes. Of more marks than this the oldest come back at once, as cleared, so that the order stays. */
const MAX_MARKS = 32_768;
const FADE_MS = 5;
/** Peak of a frame that is as good as silent: −40 dBFS. */
const QUIET_PEAK = 328;

export class Playout implements PlayoutQueue {
  #rate = 0;
  readonly #report: (error: unknown) => void;
  readonly #preBufferMs: number;
  readonly #boundMs: number;
  #preBuffer = 0;
  #bound = 0;
  readonly #ring = new SampleRing();
  #fade = new Int16Array(0);
  #marks: Mark[] = [];
  /** Marks before this index have fired. */
  #marksFrom = 0;
  #cursor = 0;
  #dropped = 0;
  #underruns = 0;
  #live = false;
  /** Since there was a live producer. */
  #pace: LivePace | null = null;
  /** A frame that is a few samples longer or shorter than it will be. */
  #uneven = new Int16Array(0);
  #quiet = false;
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
    if (this.#live) this.#pace?.arrived();
    else this.#pace?.restart();
    return taken;
  }

  mark(fire: MarkFired): void {
    const idle = this.#ring.length === 0 && this.#marksFrom === this.#marks.length;
    if (idle) this.#tell(fire, false);
    else {
      this.#marks.push({ at: this.#cursor + this.#ring.length, fire });
      if (this.#marks.length - this.#marksFrom > MAX_MARKS) this.#tell(this.#shiftMark().fire, true);
    }
  }

  clear(): { readonly playedSamples: number; readonly droppedSamples: number } {
    const droppedSamples = this.#ring.length;
    if (this.#sounding && droppedSamples > 0) this.#takeFade();
    this.#ring.clear();
    this.#cursor += droppedSamples;
    this.#dropped += droppedSamples;
    this.#starved = false;
    this.#sounding = false;
    this.#pace?.restart();
    const playedSamples = this.playedSamples;
    const marks = this.#marks;
    const from = this.#marksFrom;
    this.#marks = [];
    this.#marksFrom = 0;
    for (let i = from; i < marks.length; i++) this.#tell((marks[i] as Mark).fire, true);
    return { playedSamples, droppedSamples };
  }

  setLive(live: boolean): void {
    this.#live = live;
    this.#starved = false;
    if (!live || this.#pace !== null) return;
    this.#pace = new LivePace(this.#rate);
    this.#uneven = new Int16Array(frameSamples(this.#rate) + paceStep(this.#rate));
  }

  /**
   * Fills the whole of `out`, with silence where nothing is queued, and fires the marks the cursor
   * passes. Answers with false when all of it is silence.
   */
  next(out: Int16Array): boolean {
    const pace = this.#pace;
    if (pace === null || out.length !== frameSamples(this.#rate)) return this.#take(out, out.length);
    const queued = this.#ring.length;
    const extra = pace.beat(queued, this.#quiet, this.#starved ? -1 : queued - out.length);
    let heard: boolean;
    if (extra === 0) heard = this.#take(out, out.length);
    else {
      heard = this.#take(this.#uneven, out.length + extra);
      stretch(this.#uneven, out.length + extra, out);
    }
    this.#quiet = pace.owes && isQuiet(out);
    return heard;
  }

  /** The next `length` samples of what is queued, or silence. */
  #take(out: Int16Array, length: number): boolean {
    const playing = this.#mayPlay();
    let heard = false;
    this.#frameAt = 0;
    while (playing && this.#frameAt < length && this.#ring.length > 0) {
      const room = length - this.#frameAt;
      const mark = this.#marks[this.#marksFrom];
      const count = this.#ring.read(out, this.#frameAt, mark ? Math.min(room, mark.at - this.#cursor) : room);
      this.#cursor += count;
      this.#frameAt += count;
      this.#sounding = heard = true;
      this.#fireDue();
    }
    if (this.#frameAt < length) {
      out.fill(0, this.#frameAt, length);
      this.#rest();
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
    if (queued === 0) {
      this.#pace?.waited();
      return false;
    }
    this.#waited += 1;
    if (queued < this.#preBuffer && this.#waited * (this.#rate / 50) <= this.#preBuffer) return false;
    this.#starved = false;
    return true;
  }

  /** The frame ends in silence. */
  #rest(): void {
    if (this.#live && this.#sounding) {
      this.#underruns++;
      this.#starved = true;
      this.#waited = 0;
      this.#pace?.restart(true);
    }
    this.#sounding = false;
  }

  #fireDue(): void {
    for (;;) {
      const mark = this.#marks[this.#marksFrom];
      if (!mark || mark.at > this.#cursor) return;
      this.#shiftMark();
      this.#tell(mark.fire, false);
    }
  }

  /** Takes the first mark off; there must be one. */
  #shiftMark(): Mark {
    const mark = this.#marks[this.#marksFrom++] as Mark;
    if (this.#marksFrom === this.#marks.length) {
      this.#marks = [];
      this.#marksFrom = 0;
    } else if (this.#marksFrom >= 64 && this.#marksFrom * 2 >= this.#marks.length) {
      this.#marks.splice(0, this.#marksFrom);
      this.#marksFrom = 0;
    }
    return mark;
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

function isQuiet(samples: Int16Array): boolean {
  for (let i = 0; i < samples.length; i++) {
    const sample = samples[i] as number;
    if (sample > QUIET_PEAK || sample < -QUIET_PEAK) return false;
  }
  return true;
}
