/**
 * One far party of a call over SIP and RTP: letters of the gateway in, letters to it out, sound by
 * `LegMedia` as `Negotiation` agrees on it. The call owns it and closes it. Whatever happens is told once;
 * after `hangup` nothing is.
 *
 *   outbound:  idle ─dial▶ dialling ─ringing▶ ringing ─answered▶ up ─▶ ended
 *   inbound:   idle ─ring▶ ringing ─answer▶ answering ─acked▶ up ─▶ ended
 *   a dead owner's, either way:  idle ─takeOver▶ taking-over ─reanswered▶ up ─▶ ended
 *     … that was not up yet:     idle ─find▶ finding ─found▶ idle;  idle ─join▶ joining ─answered▶ taking-over
 */
import type { GatewayLetter, Sdp } from '../../shared/domain/letter.ts';
import type { Clock, Timer } from '../../shared/kernel/clock.ts';
import type { LegId, OfferNumber } from '../../shared/kernel/ids.ts';
import type { Tee } from '../media/frame.ts';
import type { PlayoutQueue } from '../media/playout-queue.ts';
import { PortsFull } from '../rtp/ports.ts';
import type { RtpFigures } from '../rtp/session.ts';
import type { DialOrder, Leg, LegDelegate, LegLetter } from './leg.ts';
import { LegMedia, type LegMediaOptions } from './leg-media.ts';
import { Negotiation } from './negotiation.ts';
import { Reoffers } from './reoffers.ts';

/** The ACK may be on its way through Redis when sound flows already: no longer than this is waited for it. */
const ACK_PATIENCE_MS = 500;

type Stage = 'idle' | 'dialling' | 'ringing' | 'answering' | 'finding' | 'joining' | 'taking-over' | 'up' | 'ended';

/** Stages of a call that another owner had begun: what that one left unread means nothing to us. */
const inherited: ReadonlySet<Stage> = new Set(['finding', 'joining', 'taking-over']);

export interface SipLegOptions {
  readonly id: LegId;
  /** The far end's offer of an inbound leg; null for outbound, and for a late offer. */
  readonly offer: string | null;
  readonly send: (letter: GatewayLetter) => void;
  /** Resolves when what was sent so far is written down; absent: it is at once. */
  readonly written?: () => Promise<void>;
  readonly delegate: LegDelegate;
  readonly media: LegMediaOptions;
  /** Takes down what is heard and said, for listening to later; answers with its end. */
  readonly record: ((tee: Tee) => () => void) | null;
}

export class SipLeg implements Leg {
  readonly id: LegId;
  readonly #send: (letter: GatewayLetter) => void;
  readonly #written: (() => Promise<void>) | null;
  readonly #delegate: LegDelegate;
  readonly #clock: Clock;
  readonly #media: LegMedia;
  readonly #negotiation: Negotiation;
  readonly #reoffers: Reoffers;
  readonly #offer: string | null;
  #stopRecording: (() => void) | null;
  #stage: Stage = 'idle';
  #inbound = true;
  #ackTimer: Timer | null = null;

  constructor(options: SipLegOptions) {
    this.id = options.id;
    this.#send = options.send;
    this.#written = options.written ?? null;
    this.#delegate = options.delegate;
    this.#clock = options.media.clock;
    this.#offer = options.offer;
    this.#media = new LegMedia(options.media, {
      onDigit: (digit, by, durationMs) => {
        if (this.#stage === 'up') this.#delegate.onDigit(digit, by, durationMs);
      },
      onEntry: (entry) => this.#delegate.onEntry(entry),
      onTimeout: () => this.#timedOut(),
      onBug: (error) => this.#broke(error),
    });
    this.#negotiation = new Negotiation(this.#media);
    this.#reoffers = new Reoffers(options.id, this.#negotiation, options.send);
    this.#stopRecording = options.record?.(this.#media.tee) ?? null;
  }

  get state(): Leg['state'] {
    if (this.#stage === 'answering' || this.#stage === 'joining' || this.#stage === 'taking-over') return 'ringing';
    return this.#stage === 'finding' ? 'idle' : this.#stage;
  }

  get tee(): Tee {
    return this.#media.tee;
  }

  get playout(): PlayoutQueue {
    return this.#media.playout;
  }

  /** Figures of the media; null before its sockets opened. */
  get figures(): RtpFigures | null {
    return this.#media.figures;
  }

  dial(order: DialOrder): void {
    if (this.#stage !== 'idle') return;
    this.#stage = 'dialling';
    this.#inbound = false;
    this.#whenOpen('dialling', () => {
      this.#send({ kind: 'dial', leg: this.id, ...order, sdp: this.#negotiation.offer() });
    });
  }

  ring(): void {
    if (this.#stage !== 'idle') return;
    this.#stage = 'ringing';
    this.#send({ kind: 'ring', leg: this.id, sdp: null });
  }

  answer(): void {
    if (!this.#inbound || (this.#stage !== 'idle' && this.#stage !== 'ringing')) return;
    this.#stage = 'answering';
    this.#whenOpen('answering', () => {
      if (this.#offer === null) this.#answerLateOffer();
      else this.#answerOffer(this.#offer);
    });
  }

  reject(sipCode: number, reason: string): void {
    if (!this.#inbound || this.#stage === 'up' || this.#stage === 'ended') return;
    this.#end();
    this.#send({ kind: 'reject', leg: this.id, sipCode, reason });
  }

  find(): void {
    if (this.#stage !== 'idle') return;
    this.#stage = 'finding';
    this.#send({ kind: 'find', leg: this.id });
  }

  join(): void {
    if (this.#stage === 'idle') this.#stage = 'joining';
  }

  takeOver(): void {
    if (this.#stage !== 'idle' && this.#stage !== 'joining') return;
    this.#stage = 'taking-over';
    this.#whenOpen('taking-over', () => {
      this.#media.continueVersions(Math.floor(this.#clock.now() / 1000));
      this.#reoffers.offer();
    });
  }

  hangup(): void {
    if (this.#stage === 'ended') return;
    const known = this.#inbound || this.#negotiation.pending || this.#stage === 'up';
    this.#end();
    if (known) this.#send({ kind: 'hangup', leg: this.id });
  }

  get keysWaiting(): number {
    return this.#media.keysWaiting;
  }

  press(digits: string, signal?: AbortSignal): Promise<void> {
    return this.#media.press(digits, signal);
  }

  deliver(letter: LegLetter): void {
    if (this.#stage === 'ended') return;
    switch (letter.kind) {
      case 'ringing': {
        this.#onRinging(letter.sipCode, letter.sdp);
        return;
      }
      case 'answered': {
        this.#onAnswered(letter.sdp);
        return;
      }
      case 'failed': {
        if (this.#stage !== 'up' && this.#stage !== 'taking-over') this.#fail(letter.sipCode, letter.reason);
        return;
      }
      case 'ended': {
        this.#end();
        this.#delegate.onEnded(letter.by, letter.sipCode);
        return;
      }
      case 'acked': {
        this.#onAcked(letter.sdp);
        return;
      }
      case 'reoffered': {
        this.#onReoffered(letter.sdp, letter.offer);
        return;
      }
      case 'reoffer-over': {
        this.#reoffers.over(letter.offer);
        return;
      }
      case 'reanswered': {
        if (!this.#reoffers.isOurs(letter.offer)) return;
        if (this.#complete(letter.sdp) && this.#stage === 'taking-over') this.#up();
        return;
      }
      case 'reoffer-failed': {
        if (!this.#reoffers.isOurs(letter.offer)) return;
        this.#negotiation.withdraw();
        if (this.#stage === 'taking-over') this.#giveUp(letter.sipCode, 'The media could not be moved');
        return;
      }
      case 'found': {
        if (this.#stage !== 'finding') return;
        this.#stage = 'idle';
        this.#delegate.onFound(letter.stage);
        return;
      }
      case 'digit': {
        if (this.#stage === 'up') this.#delegate.onDigit(letter.digit, 'info', letter.durationMs);
        return;
      }
    }
  }

  close(): void {
    this.#end();
  }

  /** Opens the media, then goes on if the leg is still where it was; without a port there is no leg. */
  #whenOpen(stage: Stage, next: () => void): void {
    this.#media
      .open()
      .then(
        () => {
          if (this.#stage === stage) next();
        },
        (error: unknown) => {
          if (this.#stage !== stage) return;
          const reason = error instanceof PortsFull ? 'No RTP port free' : 'No media socket';
          if (stage === 'taking-over') this.#send({ kind: 'hangup', leg: this.id });
          else if (this.#inbound) this.#send({ kind: 'reject', leg: this.id, sipCode: 503, reason });
          this.#fail(503, reason, true);
        },
      )
      .catch((error: unknown) => this.#broke(error));
  }

  #answerOffer(offer: string): void {
    const result = this.#negotiation.answer(offer);
    if (!result.ok) {
      this.#send({ kind: 'reject', leg: this.id, sipCode: result.sipCode, reason: result.reason });
      this.#fail(result.sipCode, result.reason);
      return;
    }
    this.#send({ kind: 'answer', leg: this.id, sdp: result.sdp });
    if (this.#written === null) this.#speak();
    else
      this.#written()
        .then(
          () => this.#speak(),
          () => {},
        )
        .catch((error: unknown) => this.#broke(error));
  }

  /** Not before the answer is written down: who cannot write it may be no longer the owner, and another one answers. */
  #speak(): void {
    if (this.#stage === 'ended') return;
    this.#media.start();
    this.#media.remember();
    if (this.#stage === 'answering') this.#ackTimer = this.#clock.after(ACK_PATIENCE_MS, () => this.#up());
  }

  #answerLateOffer(): void {
    this.#send({ kind: 'answer', leg: this.id, sdp: this.#negotiation.offer() });
  }

  #onRinging(sipCode: number, sdp: Sdp | null): void {
    // Sound before the answer went to the owner that is gone.
    if (this.#stage === 'joining') this.#delegate.onRinging(sipCode);
    if (this.#stage !== 'dialling' && this.#stage !== 'ringing') return;
    this.#stage = 'ringing';
    if (sdp !== null) this.#negotiation.acceptEarly(sdp);
    this.#delegate.onRinging(sipCode);
  }

  #onAnswered(sdp: Sdp): void {
    if (this.#stage === 'joining') this.takeOver();
    if (this.#inbound || (this.#stage !== 'dialling' && this.#stage !== 'ringing')) return;
    if (this.#complete(sdp)) this.#up();
  }

  #onAcked(sdp: Sdp | null): void {
    // What the owner before us left unread.
    if (inherited.has(this.#stage)) return;
    const late = this.#stage === 'answering' && this.#offer === null;
    if (sdp !== null && this.#negotiation.pending) {
      if (!this.#complete(sdp)) return;
    } else if (late) {
      this.#giveUp(488, 'No answer in the ACK');
      return;
    }
    if (this.#stage === 'answering') this.#up();
  }

  #onReoffered(sdp: Sdp | null, offer: OfferNumber | undefined): void {
    // They asked the owner before us: refused, so that our own offer need not wait behind it; a phone asks again after 491.
    if (inherited.has(this.#stage)) this.#reoffers.refuse(491, offer);
    else if (this.#stage === 'up' || this.#stage === 'answering') this.#reoffers.answer(sdp, offer);
  }

  /** The answer to an offer of ours. False when nothing was agreed; a leg that was not up yet then failed. */
  #complete(sdp: Sdp): boolean {
    const result = this.#negotiation.accept(sdp);
    if (result === null || result.ok) return result !== null;
    if (this.#stage !== 'up') this.#giveUp(result.sipCode, result.reason);
    return false;
  }

  #up(): void {
    this.#ackTimer?.cancel();
    this.#ackTimer = null;
    if (this.#stage === 'ended' || this.#stage === 'up') return;
    this.#stage = 'up';
    this.#media.watch();
    this.#media.remember();
    this.#delegate.onAnswered();
  }

  #timedOut(): void {
    this.#end();
    this.#send({ kind: 'hangup', leg: this.id });
    this.#delegate.onEnded('media-timeout', null);
  }

  #broke(error: unknown): void {
    if (this.#stage === 'ended') return;
    try {
      this.hangup();
    } finally {
      this.#delegate.onBug(error);
    }
  }

  /** Answered, and nothing to say to each other: hang up what SIP set up. */
  #giveUp(sipCode: number, reason: string): void {
    this.#send({ kind: 'hangup', leg: this.id });
    this.#fail(sipCode, reason);
  }

  #fail(sipCode: number, reason: string, ours = false): void {
    this.#end();
    this.#delegate.onFailed(sipCode, reason, ours);
  }

  #end(): void {
    this.#stage = 'ended';
    this.#ackTimer?.cancel();
    this.#ackTimer = null;
    this.#media.close();
    this.#stopRecording?.();
    this.#stopRecording = null;
  }
}
