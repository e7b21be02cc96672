/**
 * What is late because a live producer was held up, and how much of it is to be given back. A machine of the
 * playout's, told of each arrival, of each beat in which the caller waited in vain, and asked once a beat.
 *
 * Who sends at the pace of speech and is held up leaves a gap, and then everything at once: the caller hears it that
 * much later, for the rest of the call. That lateness, and no more, is owed. Who sends ahead and has said what there
 * was to say leaves a gap too, but had stopped long before it; what comes next was not late, and nothing is owed.
 */
import { FRAME_MS } from './frame.ts';

/** Beats looked back on: a second. */
const LOOK_BACK = 50;
/** Arrivals in them that make it the pace of speech: at least one every 200 ms. */
const LEAST_ARRIVALS = 5;
/** Who was silent for longer than this before the queue ran dry had nothing more to say. */
const MOST_IDLE = 15;
/** A gap longer than this is a pause. */
const MOST_GAP_MS = 1500;
/** What was held up may come piece by piece, and the first say nothing: so many beats are waited for the rest. */
const DOUBT_BEATS = 10;
/** Who passes on what was late begins within so many beats, and so many later it is seen whether that was it. */
const RELAY_BEGINS_BEATS = 50;
const RELAY_SEEN_BEATS = 8;
/** More than this beyond it is a lead of the app's own. */
const RELAY_MORE_MS = 40;
/** Beyond what was owed this much more in the queue is a lead that was given on purpose. */
const LEAD_MS = 400;
/** Beats over which the least that was spare counts as never needed. */
const WINDOW = 25;
/** Less is not worth a cut. */
const LEAST_MS = 5;
/**
 * Spare at the worst beat that is left to who let the queue run dry: nothing at the first time, as it may never happen
 * again; more each time it does, until ten seconds without. A gap of a few frames that comes again long after the last one
 * is the work of clocks that differ, and is prevented for good.
 */
const CUSHIONS_MS = [0, 0, 15, 30, 60] as const;
const MEMORY_BEATS = 500;
const CREEP_CUSHION_MS = 28;
const CREEP_GAP_MS = 60;
const CREEP_BEATS = 1000;
/** Beats after a late one of our own in which what is missing says nothing of the producer. */
const OURS_BEATS = 10;

export class Stall {
  readonly #perMs: number;
  readonly #arrivals = new Uint8Array(LOOK_BACK);
  #at = 0;
  #count = 0;
  #arrived = false;
  #idle = 0;
  /** Beats since the first arrival. */
  #age = 0;
  /** Samples missed in the gap that is open; −1 when none is, or when it is none of ours. */
  #gap = -1;
  /** Samples missed in a gap of which too little has come to tell what it was; 0 when there is none. */
  #doubt = 0;
  #doubtBeats = 0;
  /** Samples owed. */
  #debt = 0;
  #dries = 0;
  #sinceDry = 0;
  #creeps = false;
  #ours = 0;
  /** Samples that were given late to whom we hear; whether it has begun to speak since, and the beats until they are looked for. */
  #relayed = 0;
  #relayComes = false;
  #relayBeats = 0;
  #least = Number.POSITIVE_INFINITY;
  #beats = 0;

  /** `rate` in hertz. */
  constructor(rate: number) {
    this.#perMs = rate / 1000;
  }

  arrived(): void {
    this.#arrived = true;
  }

  /** Our own beats are late: the gap they make is owed as any other, and no reason for a cushion. */
  late(): void {
    this.#ours = OURS_BEATS;
  }

  /** Our own beats were given up, so many: what was said meanwhile is late by as much. */
  skipped(beats: number): void {
    this.#ours = OURS_BEATS;
    if (this.#count >= LEAST_ARRIVALS && this.#idle <= MOST_IDLE) this.#debt += beats * FRAME_MS * this.#perMs;
  }

  /** The far end was just given so many samples at once, late; perhaps it passes them on. */
  expectRelayed(samples: number): void {
    this.#relayed = samples;
    this.#relayComes = false;
    this.#relayBeats = RELAY_BEGINS_BEATS;
  }

  /** The queue was cleared, or is somebody else's: nothing is owed, and whoever comes next is yet to be known. */
  forget(): void {
    this.settle();
    this.#doubt = this.#doubtBeats = 0;
    this.#dries = 0;
    this.#relayed = 0;
    this.#age = 0;
    this.#arrivals.fill(0);
    this.#count = 0;
  }

  /** All that was promised has been said: what comes next is not late. */
  settle(): void {
    this.#debt = 0;
    this.#gap = -1;
    this.#look();
  }

  /** Whether there is a gap that may be a stall. */
  get isOpen(): boolean {
    return this.#gap >= 0;
  }

  /** The queue of a live producer is empty in the midst of what it says, or at its end: `missing` samples of the frame are not there. */
  ranDry(missing: number): void {
    this.#look();
    // Who was held up by us in the first words has not been heard long enough to know the pace.
    const isPaced = (this.#count >= LEAST_ARRIVALS || this.#ours > 0) && this.#idle <= MOST_IDLE;
    // Dry again before it was known what the gap before was: it goes on.
    if (this.#doubt > 0) this.#gap = this.#doubt + missing;
    else this.#gap = isPaced ? missing : -1;
    this.#doubt = 0;
  }

  /** A beat in which nothing could be played. */
  waited(): void {
    if (this.#gap >= 0) this.#gap += FRAME_MS * this.#perMs;
  }

  /**
   * It goes on, with so many samples: most of what was missed, or it had only paused. `held`: samples' time for which some
   * were there and were made to wait. Answers with what should be spare from here on, in samples.
   */
  resumed(queued: number, held = 0): number {
    const gap = this.#gap;
    this.#gap = -1;
    if (gap === 0) return 0;
    if (gap < 0 && this.#age < LOOK_BACK) {
      // The first words came unevenly. Whoever they are, this much of it is our own doing.
      this.#debt += held;
      return 0;
    }
    if (gap < 0 || gap > MOST_GAP_MS * this.#perMs) {
      this.#paused();
      return 0;
    }
    if (2 * queued < gap) {
      this.#doubt = gap;
      if (this.#doubtBeats === 0) this.#doubtBeats = DOUBT_BEATS;
      return 0;
    }
    this.#owe(gap);
    return this.#cushion;
  }

  /** What had still to be given back ended with the pause. */
  #paused(): void {
    this.#debt = this.#doubt = this.#doubtBeats = 0;
  }

  #owe(gap: number): void {
    this.#doubt = this.#doubtBeats = 0;
    this.#debt += gap;
    if (this.#ours > 0) return;
    this.#creeps ||= this.#dries > 0 && this.#sinceDry > CREEP_BEATS && gap <= CREEP_GAP_MS * this.#perMs;
    this.#dries = this.#sinceDry > MEMORY_BEATS ? 1 : Math.min(this.#dries + 1, CUSHIONS_MS.length - 1);
    this.#sinceDry = 0;
  }

  /** More of it is there than a pause is followed by, or it was one. */
  #judge(queued: number): void {
    if (2 * queued >= this.#doubt) this.#owe(this.#doubt);
    else {
      this.#doubtBeats -= 1;
      if (this.#doubtBeats === 0) this.#paused();
    }
  }

  /** Once a beat, before the frame is taken; `spare`: samples there are beyond it. Answers with what is to be given back now. */
  beat(spare: number): number {
    const came = this.#note();
    if (this.#doubt > 0) this.#judge(spare + FRAME_MS * this.#perMs);
    if (this.#relayed > 0) this.#lookForRelayed(spare, came);
    if (this.#debt === 0) return 0;
    if (spare < this.#least) this.#least = spare;
    this.#beats += 1;
    if (this.#beats < WINDOW) return 0;
    if (this.#least > this.#debt + LEAD_MS * this.#perMs) this.#debt = 0;
    const excess = Math.min(this.#debt, this.#least - this.#cushion);
    if (excess >= LEAST_MS * this.#perMs) return excess;
    this.#look();
    return 0;
  }

  /** Whether what the far end was given late has come back from it. */
  #lookForRelayed(spare: number, came: boolean): void {
    if (came && !this.#relayComes) {
      this.#relayComes = true;
      this.#relayBeats = RELAY_SEEN_BEATS;
    }
    this.#relayBeats -= 1;
    if (this.#relayBeats > 0) return;
    const isIt = this.#relayComes && 2 * spare >= this.#relayed && spare <= this.#relayed + RELAY_MORE_MS * this.#perMs;
    if (isIt) this.#debt = Math.max(this.#debt, this.#relayed);
    this.#relayed = 0;
  }

  /** So many samples were left out. */
  gave(samples: number): void {
    this.#debt = Math.max(0, this.#debt - samples);
    this.#least -= samples;
  }

  get #cushion(): number {
    const recent = this.#sinceDry > MEMORY_BEATS ? 0 : (CUSHIONS_MS[this.#dries] ?? 0);
    return Math.max(recent, this.#creeps ? CREEP_CUSHION_MS : 0) * this.#perMs;
  }

  /** Whether something came since the beat before. */
  #note(): boolean {
    const came = this.#arrived;
    this.#arrived = false;
    // A beat of ours that is late and finds nothing says nothing: what was said meanwhile came to the one before it.
    if (came || this.#ours === 0) {
      this.#idle = came ? 0 : this.#idle + 1;
      this.#count += (came ? 1 : 0) - (this.#arrivals[this.#at] as number);
      this.#arrivals[this.#at] = came ? 1 : 0;
      this.#at = (this.#at + 1) % LOOK_BACK;
      if (this.#age > 0 || this.#count > 0) this.#age += 1;
    }
    this.#sinceDry += 1;
    if (this.#ours > 0) this.#ours -= 1;
    return came;
  }

  /** Begins to look at what is spare anew. */
  #look(): void {
    this.#least = Number.POSITIVE_INFINITY;
    this.#beats = 0;
  }
}
