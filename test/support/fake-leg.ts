/** A leg without SIP and RTP: it writes down what it is told, and the test plays the far end through its delegate. */
import type { LegId } from '../../shared/kernel/ids.ts';
import type { DialOrder, FoundStage, Leg, LegDelegate, LegLetter } from '../../worker/leg/leg.ts';
import type { Tee, TeeBranch } from '../../worker/media/frame.ts';
import type { MarkFired, PlayoutQueue } from '../../worker/media/playout-queue.ts';
import type { ManualClock } from './clock.ts';

type Item = { readonly kind: 'sound'; samples: number } | { readonly kind: 'mark'; readonly fire: MarkFired };

/** Plays by the manual clock, 20 ms at a time, for as long as something is queued. */
export class FakePlayout implements PlayoutQueue {
  readonly rate = 8000;
  readonly underruns = 0;
  readonly #clock: ManualClock;
  #items: Item[] = [];
  #ticking = false;
  playedSamples = 0;
  clears = 0;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  get queuedSamples(): number {
    return this.#items.reduce((sum, item) => sum + (item.kind === 'sound' ? item.samples : 0), 0);
  }

  enqueue(samples: Int16Array): number {
    if (samples.length > 0) this.#items.push({ kind: 'sound', samples: samples.length });
    this.#tick();
    return samples.length;
  }

  mark(fire: MarkFired): void {
    this.#items.push({ kind: 'mark', fire });
    this.#fireMarks();
  }

  clear(): { playedSamples: number; droppedSamples: number } {
    const droppedSamples = this.queuedSamples;
    const items = this.#items;
    this.#items = [];
    this.clears += 1;
    for (const item of items) if (item.kind === 'mark') item.fire({ cleared: true, atSample: this.playedSamples });
    return { playedSamples: this.playedSamples, droppedSamples };
  }

  setLive(): void {}

  expectRelayed(): void {}

  #tick(): void {
    if (this.#ticking || this.#items.length === 0) return;
    this.#ticking = true;
    this.#clock.after(20, () => {
      this.#ticking = false;
      this.#play(this.rate / 50);
      this.#tick();
    });
  }

  #play(samples: number): void {
    let left = samples;
    for (let item = this.#items[0]; item?.kind === 'sound' && left > 0; item = this.#items[0]) {
      const played = Math.min(left, item.samples);
      item.samples -= played;
      left -= played;
      this.playedSamples += played;
      if (item.samples === 0) this.#items.shift();
      this.#fireMarks();
    }
  }

  #fireMarks(): void {
    for (let item = this.#items[0]; item?.kind === 'mark'; item = this.#items[0]) {
      this.#items.shift();
      item.fire({ cleared: false, atSample: this.playedSamples });
    }
  }
}

export class FakeLeg implements Leg {
  readonly figures = null;
  readonly id: LegId;
  /** Hears nothing until the test beats. */
  readonly tee: Tee = {
    add: (branch) => {
      this.#branches.add(branch);
      return () => this.#branches.delete(branch);
    },
  };
  readonly #branches = new Set<TeeBranch>();
  readonly playout: FakePlayout;
  readonly delegate: LegDelegate;
  state: Leg['state'] = 'idle';
  /** What the call did, in order: `dial +15550100`, `ring`, `answer`, `reject 486`, `hangup`, `press 12`, `close`. */
  readonly log: string[] = [];
  order: DialOrder | null = null;
  keysWaiting = 0;
  /** Whether `answer` is followed by media at once. */
  answersAtOnce = true;

  constructor(id: LegId, delegate: LegDelegate, clock: ManualClock) {
    this.id = id;
    this.delegate = delegate;
    this.playout = new FakePlayout(clock);
  }

  dial(order: DialOrder): void {
    this.order = order;
    this.state = 'dialling';
    this.log.push(`dial ${order.to}`);
  }

  ring(): void {
    this.state = 'ringing';
    this.log.push('ring');
  }

  answer(): void {
    this.log.push('answer');
    if (this.answersAtOnce) this.farAnswers();
  }

  reject(sipCode: number): void {
    this.state = 'ended';
    this.log.push(`reject ${sipCode}`);
  }

  find(): void {
    this.log.push('find');
  }

  join(): void {
    this.state = 'ringing';
    this.log.push('join');
  }

  takeOver(): void {
    this.log.push('take over');
  }

  hangup(): void {
    if (this.state === 'ended') return;
    this.state = 'ended';
    this.log.push('hangup');
  }

  async press(digits: string, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.log.push(`press ${digits}`);
  }

  deliver(letter: LegLetter): void {
    this.log.push(`letter ${letter.kind}`);
  }

  close(): void {
    this.log.push('close');
  }

  /** So many frames of silence on both tracks; no clock moves. */
  beats(count: number): void {
    const silence = { samples: new Int16Array(160), rate: 8000, encoded: null } as const;
    for (let beat = 0; beat < count; beat++) for (const branch of this.#branches) branch.beat(beat, silence, silence);
  }

  /** The far end rings, answers, refuses, hangs up or presses a key. */
  farRings(): void {
    this.state = 'ringing';
    this.delegate.onRinging(180);
  }

  isFound(stage: FoundStage): void {
    this.delegate.onFound(stage);
  }

  farAnswers(): void {
    this.state = 'up';
    this.delegate.onAnswered();
  }

  farRefuses(sipCode: number, reason = '', ours = false): void {
    this.state = 'ended';
    this.delegate.onFailed(sipCode, reason, ours);
  }

  farHangsUp(by: 'bye' | 'cancel' | 'lost' = 'bye'): void {
    this.state = 'ended';
    this.delegate.onEnded(by, null);
  }

  farPresses(digit: string): void {
    this.delegate.onDigit(digit, 'rfc4733', 100);
  }
}
