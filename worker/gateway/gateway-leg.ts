/**
 * One far party of a call at the gateway: letters become SIP, SIP becomes letters.
 *
 *   in:   invited ──answer──▶ up ──BYE/hangup──▶ ended       out:  calling ──2xx──▶ up ──▶ ended
 *            └──reject/CANCEL/hangup──▶ ended                         └──failed/hangup──▶ ended
 *
 * Owned by its `GatewayCall`; the dialog belongs to the SIP stack, its data to Redis.
 */
import type { TimelineEntry } from '../../shared/domain/event.ts';
import type { CallLetter, GatewayLetter, Sdp } from '../../shared/domain/letter.ts';
import type { Clock, Timer } from '../../shared/kernel/clock.ts';
import { type LegId, newOfferNumber } from '../../shared/kernel/ids.ts';
import { reasonPhrase } from '../sip/message/respond.ts';
import type { SipCall, SipCallData, SipCallDelegate } from '../sip/sip-call.ts';
import { readInfoDigit } from './digits.ts';
import { isSamePlace, type MediaPlace, ownDescription } from './media-place.ts';
import { type Asked, NO_REOFFERS, nextReoffers, type ReoffersEffect, type ReoffersEvent } from './reoffers.ts';
import { sipEntry } from './sip-entries.ts';

/** Letters to a leg that exists. */
export type LegOrder = Exclude<GatewayLetter, { readonly kind: 'dial' | 'find' }>;

export type LegStage = 'invited' | 'calling' | 'up' | 'ended';

export interface GatewayLegDelegate {
  onLetter(letter: CallLetter): void;
  /** The owner need not hear this any more, or is told that it is over when it may have heard it. */
  onTakenBack(letter: Asked): void;
  onEntry(entry: TimelineEntry): void;
  /** Stage or dialog changed: worth keeping; `data` null when there is nothing left of it. */
  onState(leg: GatewayLeg, data: SipCallData | null): void;
  /** Our INVITE failed; true when another one was sent instead. */
  onDialFailed(leg: GatewayLeg, code: number): boolean;
  /** An unanswered caller is gone. */
  onCallerGone(letter: CallLetter): void;
  onEnded(leg: GatewayLeg): void;
  /** The media of our side is elsewhere than before: the call has another owner, whose description has this version. */
  onMoved(from: MediaPlace, version: number): void;
}

/** The owner has this long to answer a re-INVITE before we do, keeping the session as it is. */
const REOFFER_DEADLINE_MS = 10_000;

export class GatewayLeg implements SipCallDelegate {
  readonly id: LegId;
  readonly way: 'in' | 'out';
  /** Where the media of our side is; to be set again after a restart. */
  media: MediaPlace | null = null;
  readonly #delegate: GatewayLegDelegate;
  readonly #clock: Clock;
  #sip: SipCall | null = null;
  #stage: LegStage;
  #data: SipCallData | null = null;
  /** Whether the far end has said anything but 100: then another trunk is no longer tried. */
  #progressed = false;
  #earlySdp: string | null = null;
  #reoffers = NO_REOFFERS;
  #reofferTimer: Timer | null = null;

  constructor(
    id: LegId,
    stage: Exclude<LegStage, 'ended'>,
    way: 'in' | 'out',
    clock: Clock,
    delegate: GatewayLegDelegate,
  ) {
    this.id = id;
    this.way = way;
    this.#stage = stage;
    this.#clock = clock;
    this.#delegate = delegate;
  }

  get stage(): LegStage {
    return this.#stage;
  }

  /** What the SIP stack last said is worth keeping. */
  get data(): SipCallData | null {
    return this.#data;
  }

  /** How far it is, for an owner that did not set it up. */
  get found(): Extract<CallLetter, { kind: 'found' }>['stage'] {
    if (this.#stage === 'ended') return 'none';
    return this.#stage === 'calling' && this.#progressed ? 'ringing' : this.#stage;
  }

  get progressed(): boolean {
    return this.#progressed;
  }

  /** The call of the SIP stack this leg speaks through; a new one when another trunk is tried. */
  attach(sip: SipCall): void {
    this.#sip = sip;
  }

  /** Goes on with a dialog of the time before a restart. */
  resume(data: SipCallData, restore: (data: SipCallData, delegate: SipCallDelegate) => SipCall): void {
    this.#data = data;
    this.#sip = restore(data, this);
  }

  /** Applies a letter of the call. Harmless twice: what does not fit the stage is dropped. */
  apply(letter: LegOrder): void {
    if (letter.kind === 'hangup') {
      this.hangup();
      return;
    }
    if ('sdp' in letter && letter.sdp !== null) this.described(letter.sdp);
    if (this.#stage === 'invited') this.#applyInvited(letter);
    else if (this.#stage === 'up') this.#applyUp(letter);
  }

  /** The owner has described its media. */
  described(sdp: Sdp): void {
    const description = ownDescription(sdp);
    if (description === null) return;
    const before = this.media;
    this.media = description;
    if (before !== null && !isSamePlace(before, description)) this.#delegate.onMoved(before, description.version);
  }

  /** Ends the leg whatever it does; nothing more is told of it. Idempotent. */
  hangup(): void {
    if (this.#stage === 'ended') return;
    this.#end();
    this.#sip?.hangup();
  }

  /** Final answer to an unanswered caller. */
  reject(code: number, reason: string): void {
    if (this.#stage !== 'invited') return;
    this.#end();
    this.#sip?.reject(code, reason);
  }

  onProgress(code: number, _reason: string, sdp: string | null): void {
    if (this.#stage !== 'calling') return;
    this.#progressed = true;
    this.#earlySdp = sdp ?? this.#earlySdp;
    this.#delegate.onLetter({ kind: 'ringing', leg: this.id, sipCode: code, sdp });
  }

  onAnswered(sdp: string | null): void {
    if (this.#stage !== 'calling') {
      this.#sip?.hangup();
      return;
    }
    const answer = sdp ?? this.#earlySdp;
    if (answer === null) {
      this.#delegate.onLetter({ kind: 'failed', leg: this.id, sipCode: 488, reason: 'The answer has no SDP' });
      this.hangup();
      return;
    }
    this.#goTo('up');
    this.#delegate.onLetter({ kind: 'answered', leg: this.id, sdp: answer });
  }

  onFailed(code: number, reason: string): void {
    if (this.#stage !== 'calling') return;
    if (this.#delegate.onDialFailed(this, code)) return;
    this.#end();
    this.#delegate.onLetter({ kind: 'failed', leg: this.id, sipCode: code, reason });
  }

  onAcked(sdp: string | null): void {
    if (this.#stage === 'up') this.#delegate.onLetter({ kind: 'acked', leg: this.id, sdp });
  }

  onEnded(by: 'bye' | 'cancel' | 'lost', code: number | null): void {
    if (this.#stage === 'ended') return;
    const unanswered = this.#stage === 'invited';
    this.#end();
    const letter = { kind: 'ended', leg: this.id, by, sipCode: code } as const;
    if (unanswered) this.#delegate.onCallerGone(letter);
    else this.#delegate.onLetter(letter);
  }

  onReoffer(sdp: string | null): void {
    if (this.#stage !== 'up') {
      this.#sip?.refuseReoffer(491, 'Request Pending');
      return;
    }
    const letter: Asked = { kind: 'reoffered', leg: this.id, sdp, offer: newOfferNumber() };
    this.#reoffer({ type: 'theirs', letter });
  }

  onReofferOver(): void {
    this.#reoffer({ type: 'over' });
  }

  onReanswered(sdp: string | null): void {
    if (sdp === null) this.onReofferFailed(488);
    else this.#reoffer({ type: 'settled', letter: { kind: 'reanswered', leg: this.id, sdp } });
  }

  onReofferFailed(code: number): void {
    this.#reoffer({ type: 'settled', letter: { kind: 'reoffer-failed', leg: this.id, sipCode: code } });
  }

  onInfo(contentType: string, body: string): void {
    if (this.#stage === 'ended') return;
    const digit = readInfoDigit(contentType, body);
    if (digit) this.#delegate.onLetter({ kind: 'digit', leg: this.id, ...digit });
  }

  onData(data: SipCallData | null): void {
    this.#data = data;
    this.#delegate.onState(this, data);
  }

  onMessage(
    way: 'in' | 'out',
    summary: { readonly method: string; readonly code: number | null; readonly reason: string | null },
  ): void {
    // The first INVITE of a caller is told with its source when the call is made.
    if (this.#stage === 'invited' && summary.method === 'INVITE' && summary.code === null) return;
    const entry = sipEntry(way, summary, this.#stage === 'up');
    if (entry) this.#delegate.onEntry(entry);
  }

  #applyInvited(letter: LegOrder): void {
    if (letter.kind === 'ring') this.#sip?.ring(letter.sdp === null ? 180 : 183, letter.sdp);
    else if (letter.kind === 'reject') this.reject(letter.sipCode, letter.reason);
    else if (letter.kind === 'answer') {
      this.#sip?.answer(letter.sdp);
      if (this.#stage === 'invited') this.#goTo('up');
    }
  }

  #applyUp(letter: LegOrder): void {
    if (letter.kind === 'reoffer') this.#reoffer({ type: 'ours', letter });
    else if (letter.kind === 'answer-reoffer' || letter.kind === 'reject-reoffer')
      this.#reoffer({ type: 'decided', letter });
  }

  #reoffer(event: ReoffersEvent): void {
    if (this.#stage !== 'up') return;
    const step = nextReoffers(this.#reoffers, event);
    this.#reoffers = step.state;
    for (const effect of step.effects) this.#perform(effect);
  }

  #perform(effect: ReoffersEffect): void {
    switch (effect.do) {
      case 'tell':
        this.#delegate.onLetter(effect.letter);
        return;
      case 'takeBack':
        this.#delegate.onTakenBack(effect.letter);
        return;
      case 'startTimer':
        this.#reofferTimer = this.#clock.after(REOFFER_DEADLINE_MS, () => this.#reoffer({ type: 'timeUp' }));
        return;
      case 'stopTimer':
        this.#reofferTimer?.cancel();
        this.#reofferTimer = null;
        return;
      case 'answer':
        this.#sip?.answerReoffer(effect.sdp);
        return;
      case 'refuse':
        this.#sip?.refuseReoffer(effect.code, reasonPhrase(effect.code));
        return;
      case 'send':
        this.#sip?.reoffer(effect.sdp);
        return;
      default:
        effect satisfies never;
    }
  }

  #goTo(stage: LegStage): void {
    this.#stage = stage;
    this.#delegate.onState(this, this.#data);
  }

  #end(): void {
    this.#reofferTimer?.cancel();
    this.#reofferTimer = null;
    this.#goTo('ended');
    this.#delegate.onEnded(this);
  }
}
