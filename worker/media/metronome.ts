/**
 * The only timer of the audio path: one per thread. It works by deadlines, so a late timer is
 * followed by the beats it missed instead of losing them; listeners are spread over phases of the
 * 20 ms so that hundreds of calls do not burst at once. Made and closed by the worker thread.
 *
 *   slot      0    1    2    3  |  4    5    6    7  |  …      one slot = 20 ms / phases
 *   phase     0    1    2    3  |  0    1    2    3  |
 */
import type { Clock, Timer } from '../../shared/kernel/clock.ts';
import type { BeatSource } from './beat.ts';
import { FRAME_MS } from './frame.ts';

type Listener = Parameters<BeatSource['join']>[0];

interface Member {
  readonly listener: Listener;
  phase: number;
  /** Absolute slot of its next beat. */
  slot: number;
}

/** Beats later than this are not caught up. */
const MAX_BEHIND_MS = 1000;
/**
 * So late, and packets that have come may wait to be read: without them beats would make up sound for what is there, which
 * costs ten times what a frame costs, just when there is no time.
 */
const YIELD_AFTER_MS = 6;
/** The thread did not run for so long: it may have been stopped, and somebody else may speak in its place. */
const STALL_MS = 250;

export interface Lateness {
  /** Beats run since the last look. */
  readonly beats: number;
  /** Beats given up since the last look. */
  readonly skipped: number;
  /** How late timers fired: the delay of the event loop as audio feels it. */
  readonly maxMs: number;
  readonly meanMs: number;
}

export interface MetronomeOptions {
  readonly clock: Clock;
  /** Divisions of the 20 ms; default 10. */
  readonly phases?: number;
  /** Told when a listener threw; the listener is removed and the others go on. */
  readonly report: (error: unknown) => void;
  /** Asked after a stall, before another beat is run; after a no all beats wait for `goOn`. Default: yes. */
  readonly mayGoOn?: (stalledMs: number) => boolean;
}

export class Metronome implements BeatSource {
  readonly #clock: Clock;
  readonly #report: (error: unknown) => void;
  readonly #mayGoOn: (stalledMs: number) => boolean;
  readonly #phases: readonly Set<Member>[];
  readonly #slotMs: number;
  readonly #startMs: number;
  /** Next slot to run. */
  #slot = 0;
  #timer: Timer | null = null;
  #members = 0;
  #closed = false;
  /** Waiting for `goOn`. */
  #held = false;
  /** When the last beat was run, to notice a stall between two of one tick. */
  #ranAt = 0;
  /** Late, and the sockets have had their turn first. */
  #yielded = false;
  #beats = 0;
  #skipped = 0;
  #wakes = 0;
  #lateMaxMs = 0;
  #lateSumMs = 0;

  constructor({ clock, phases = 10, report, mayGoOn = () => true }: MetronomeOptions) {
    this.#clock = clock;
    this.#report = report;
    this.#mayGoOn = mayGoOn;
    this.#phases = Array.from({ length: phases }, () => new Set<Member>());
    this.#slotMs = FRAME_MS / phases;
    this.#startMs = clock.monotonic();
  }

  get listeners(): number {
    return this.#members;
  }

  join(listener: Listener): () => void {
    const now = this.#slotAt(this.#clock.monotonic());
    if (this.#members === 0) this.#slot = Math.max(this.#slot, now);
    const phase = this.#quietestPhase();
    const first = Math.max(now, this.#slot) + 1;
    const count = this.#phases.length;
    const member: Member = { listener, phase, slot: first + ((phase - (first % count) + count) % count) };
    this.#phases[phase]?.add(member);
    this.#members++;
    this.#arm();
    return () => this.#leave(member);
  }

  /** What to know about punctuality since the last call of this; resets it. */
  takeLateness(): Lateness {
    const meanMs = this.#wakes === 0 ? 0 : this.#lateSumMs / this.#wakes;
    const lateness = { beats: this.#beats, skipped: this.#skipped, maxMs: this.#lateMaxMs, meanMs };
    this.#beats = this.#skipped = this.#wakes = this.#lateMaxMs = this.#lateSumMs = 0;
    return lateness;
  }

  /** After a no of `mayGoOn`: whoever still listens may be heard. What was missed is handed on as skipped. */
  goOn(): void {
    if (!this.#held) return;
    this.#held = false;
    this.#arm();
  }

  /** Stops for good. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#timer = null;
    for (const phase of this.#phases) phase.clear();
    this.#members = 0;
  }

  #leave(member: Member): void {
    if (!this.#phases[member.phase]?.delete(member)) return;
    this.#members--;
    if (this.#members > 0) return;
    this.#timer?.cancel();
    this.#timer = null;
  }

  #failed(member: Member, error: unknown): void {
    this.#leave(member);
    this.#report(error);
    try {
      member.listener.failed?.(error);
    } catch (another) {
      this.#report(another);
    }
  }

  #arm(): void {
    if (this.#timer || this.#closed || this.#held || this.#members === 0) return;
    const waitMs = this.#slotTime(this.#nextUsed()) - this.#clock.monotonic();
    this.#timer = this.#clock.after(Math.max(0, Math.ceil(waitMs)), () => this.#tick());
  }

  /**
   * Runs what is due at the moment of waking, not what falls due meanwhile: on an overloaded
   * thread the sockets still get their turn between two ticks. After a pause they get it first:
   * what came meanwhile is there when the missed beats ask for it.
   */
  #tick(): void {
    this.#timer = null;
    const now = this.#clock.monotonic();
    const first = this.#nextUsed();
    const lateMs = now - this.#slotTime(first);
    this.#held = lateMs >= STALL_MS && !this.#mayGoOn(lateMs);
    if (this.#held) return;
    if (lateMs > YIELD_AFTER_MS && !this.#yielded) {
      this.#yielded = true;
      this.#timer = this.#clock.after(0, () => this.#tick());
      return;
    }
    this.#yielded = false;
    if (lateMs >= 0) this.#note(lateMs);
    this.#slot = first;
    if (lateMs > MAX_BEHIND_MS) this.#jump(lateMs);
    const due = this.#slotAt(now);
    this.#ranAt = now;
    while (this.#slot <= due && !this.#closed && this.#run(this.#slot)) this.#slot++;
    this.#arm();
  }

  /** False when the thread stalled in the middle: the rest of the slot is left to the next tick, which asks first. */
  #run(slot: number): boolean {
    const phase = slot % this.#phases.length;
    const members = this.#phases[phase] as Set<Member>;
    const lateMs = this.#ranAt - this.#slotTime(slot);
    for (const member of members) {
      if (member.slot !== slot) continue;
      if (this.#stalled()) return false;
      member.slot += this.#phases.length;
      this.#beats++;
      try {
        member.listener.beat(lateMs);
        const earlyMs = member.listener.advance?.() ?? 0;
        if (earlyMs >= this.#slotMs) this.#advance(member, earlyMs);
      } catch (error) {
        this.#failed(member, error);
      }
    }
    return true;
  }

  #stalled(): boolean {
    const now = this.#clock.monotonic();
    const pausedMs = now - this.#ranAt;
    this.#ranAt = now;
    return pausedMs >= STALL_MS;
  }

  /** From its next beat on another phase, which is this much earlier. */
  #advance(member: Member, earlyMs: number): void {
    const count = this.#phases.length;
    member.slot -= Math.min(Math.floor(earlyMs / this.#slotMs), count - 1);
    this.#phases[member.phase]?.delete(member);
    member.phase = member.slot % count;
    this.#phases[member.phase]?.add(member);
  }

  /** Gives up whole periods, the same number for each phase, and tells the listeners. */
  #jump(behindMs: number): void {
    const count = this.#phases.length;
    this.#slot += Math.floor(behindMs / FRAME_MS) * count;
    for (const members of this.#phases) {
      for (const member of members) {
        const beats = Math.max(0, Math.ceil((this.#slot - member.slot) / count));
        if (beats === 0) continue;
        member.slot += beats * count;
        this.#skipped += beats;
        try {
          member.listener.skipped?.(beats);
        } catch (error) {
          this.#failed(member, error);
        }
      }
    }
  }

  #note(lateMs: number): void {
    this.#wakes++;
    this.#lateSumMs += lateMs;
    if (lateMs > this.#lateMaxMs) this.#lateMaxMs = lateMs;
  }

  /** The first slot from the next one on whose phase has a listener. */
  #nextUsed(): number {
    const count = this.#phases.length;
    for (let ahead = 0; ahead < count; ahead++) {
      if ((this.#phases[(this.#slot + ahead) % count]?.size ?? 0) > 0) return this.#slot + ahead;
    }
    return this.#slot;
  }

  #quietestPhase(): number {
    let best = 0;
    for (let phase = 1; phase < this.#phases.length; phase++) {
      if ((this.#phases[phase]?.size ?? 0) < (this.#phases[best]?.size ?? 0)) best = phase;
    }
    return best;
  }

  #slotAt(monotonicMs: number): number {
    return Math.floor((monotonicMs - this.#startMs) / this.#slotMs + 1e-9);
  }

  #slotTime(slot: number): number {
    return this.#startMs + slot * this.#slotMs;
  }
}
