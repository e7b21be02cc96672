/**
 * What the app says to the caller: samples and marks into the leg's playout, and where they stand
 * (PROTOCOL §4.3, §14.2–§14.4). One per two-way stream; the session owns it and ends it.
 * Positions are milliseconds of audio really played since the stream began, whoever owned it then.
 */
import type { StreamCounters } from '../../shared/domain/stream.ts';
import type { Clock } from '../../shared/kernel/clock.ts';
import { feedPlayout } from '../media/feed.ts';
import type { PlayoutQueue } from '../media/playout-queue.ts';

export interface PlaybackDelegate {
  /** A mark was passed or came back; in order. */
  onMark(name: string, playedMs: number, cleared: boolean): void;
  /** More than 10 minutes wait; the excess was discarded. */
  onBacklog(): void;
  onPressure(state: 'high' | 'ok', bufferedMs: number): void;
}

export interface Cleared {
  readonly playedMs: number;
  readonly droppedMs: number;
  readonly marks: readonly string[];
}

/** What owners before us had counted. */
export type Before = Pick<StreamCounters, 'playedMs' | 'droppedMs' | 'underruns'>;

const HIGH_MS = 10_000;
const LOW_MS = 2_000;

export class Playback {
  readonly #playout: PlayoutQueue;
  readonly #clock: Clock;
  readonly #delegate: PlaybackDelegate;
  readonly #before: Before;
  /** Of the playout, which is another with each owner. */
  readonly #from: number;
  readonly #underrunsFrom: number;
  #droppedSamples = 0;
  #high = false;
  #clearing: string[] | null = null;
  #ended = false;
  #live = false;

  constructor(playout: PlayoutQueue, before: Before, clock: Clock, delegate: PlaybackDelegate) {
    this.#playout = playout;
    this.#before = before;
    this.#clock = clock;
    this.#delegate = delegate;
    this.#from = playout.playedSamples;
    this.#underrunsFrom = playout.underruns;
  }

  get rate(): number {
    return this.#playout.rate;
  }

  get playedMs(): number {
    return this.#before.playedMs + this.#ms(this.#playout.playedSamples - this.#from);
  }

  get bufferedMs(): number {
    return this.#ms(this.#playout.queuedSamples);
  }

  /** Audio from the app that was never heard: cleared, or beyond the bound. */
  get droppedMs(): number {
    return this.#before.droppedMs + this.#ms(this.#droppedSamples);
  }

  get underruns(): number {
    return this.#before.underruns + this.#playout.underruns - this.#underrunsFrom;
  }

  /** Bare samples, played behind what is queued; more is promised. */
  play(samples: Int16Array): void {
    if (this.#ended || samples.length === 0) return;
    if (!this.#live) this.#setLive(true);
    const taken = this.#playout.enqueue(samples);
    if (taken < samples.length) {
      this.#droppedSamples += samples.length - taken;
      this.#delegate.onBacklog();
    }
    this.beat();
  }

  /** The app was just given this much of the caller's audio at once, late; perhaps it passes it on. */
  expectRelayed(ms: number): void {
    this.#playout.expectRelayed((ms * this.#playout.rate) / 1000);
  }

  /** A file, a little ahead of what is heard. Rejects when it cannot be read, or with the signal's reason. */
  async feed(source: AsyncIterable<Int16Array>, signal: AbortSignal): Promise<void> {
    this.#setLive(false);
    await feedPlayout(this.#playout, source, this.#clock, signal);
  }

  /** Told when everything queued so far has been played; at once when nothing is. `done` is called with it. */
  mark(name: string, done: () => void = () => {}): void {
    if (this.#ended) {
      this.#delegate.onMark(name, this.playedMs, true);
      done();
      return;
    }
    this.#playout.mark(({ cleared }) => {
      // The end of what was promised is no underrun.
      if (this.#playout.queuedSamples === 0) this.#setLive(false);
      if (cleared) this.#clearing?.push(name);
      this.#delegate.onMark(name, this.playedMs, cleared);
      done();
    });
  }

  /** Calls back when everything queued so far was played or cleared, and tells nobody. */
  whenPlayed(done: () => void): void {
    if (this.#ended) done();
    else this.#playout.mark(done);
  }

  /** A mark that waits for nothing. */
  announce(name: string): void {
    this.#delegate.onMark(name, this.playedMs, false);
  }

  /** Silence within a frame; every mark that waits comes back before this returns. */
  clear(): Cleared {
    const marks: string[] = [];
    this.#clearing = marks;
    const { droppedSamples } = this.#playout.clear();
    this.#clearing = null;
    this.#droppedSamples += droppedSamples;
    this.#setLive(false);
    this.beat();
    return { playedMs: this.playedMs, droppedMs: this.#ms(droppedSamples), marks };
  }

  /** What was never queued: counted as dropped, and its marks come back. */
  discard(samples: number, marks: readonly string[]): Cleared {
    this.#droppedSamples += samples;
    for (const name of marks) this.#delegate.onMark(name, this.playedMs, true);
    return { playedMs: this.playedMs, droppedMs: this.#ms(samples), marks };
  }

  /** Looks whether the backlog crossed a bound; once a beat. */
  beat(): void {
    const queued = this.#playout.queuedSamples;
    if (this.#high ? this.#ms(queued) > LOW_MS : this.#ms(queued) < HIGH_MS) return;
    this.#high = !this.#high;
    this.#delegate.onPressure(this.#high ? 'high' : 'ok', this.#ms(queued));
  }

  /** The stream is over: what waits is dropped, marks come back. Idempotent. */
  end(): void {
    if (this.#ended) return;
    this.clear();
    this.#ended = true;
  }

  #setLive(live: boolean): void {
    this.#live = live;
    this.#playout.setLive(live);
  }

  #ms(samples: number): number {
    return Math.round((samples * 1000) / this.#playout.rate);
  }
}
