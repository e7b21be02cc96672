/**
 * Offers and answers after the first INVITE: performs what the machine of offers decides, keeps their
 * offer until it is answered, and sends ours. Owned by the call.
 */
import type { Timer } from '../../../shared/kernel/clock.ts';
import { retarget } from '../dialog/dialog.ts';
import { type IncomingRequest, type IncomingResponse, type SipRequest, sdpOf } from '../message/message.ts';
import { reasonPhrase } from '../message/respond.ts';
import type { SipCall, SipCallDelegate } from '../sip-call.ts';
import type { ServerTransaction } from '../transaction/server-transaction.ts';
import type { Answerer } from './answering.ts';
import type { CallParts, DialogPeer } from './dialog-peer.ts';
import type { CallHost } from './host.ts';
import { nextOffers, type Offers, type OffersEffect, type OffersEvent } from './offers.ts';

/** The party we asked about an offer of theirs must decide within this time; then it is refused. */
const REOFFER_MS = 30_000;

export interface OfferingUser {
  state(): SipCall['state'];
  /** 2xx to an INVITE, repeated until its ACK, which settles the offer. */
  answerAndRepeat(answerer: Answerer, sdp: string): void;
  /** The dialog has a new target. */
  onTarget(): void;
  onLost(code: number): void;
}

export class Offering {
  readonly #parts: CallParts;
  readonly #host: CallHost;
  readonly #delegate: SipCallDelegate;
  readonly #peer: DialogPeer;
  readonly #user: OfferingUser;
  #offers: Offers;
  #theirs: Answerer | null = null;
  #glareTimer: Timer | null = null;
  #reofferTimer: Timer | null = null;

  constructor(parts: CallParts, peer: DialogPeer, offers: Offers, user: OfferingUser) {
    this.#parts = parts;
    this.#host = parts.host;
    this.#delegate = parts.delegate;
    this.#peer = peer;
    this.#offers = offers;
    this.#user = user;
  }

  /** Lets go of the timers; an offer of theirs that waits is refused (RFC 3261 §15.1.2). */
  stop(): void {
    const theirs = this.ownerClosed();
    if (theirs) this.#peer.answer(theirs, 487, undefined, null);
  }

  /** Lets go of everything without a word; gives back what waited. */
  ownerClosed(): Answerer | null {
    this.#glareTimer?.cancel();
    return this.#takeTheirs();
  }

  /** Answers theirs; without one waiting, nothing happens. */
  answer(sdp: string): void {
    const theirs = this.#takeTheirs();
    if (!theirs) return;
    if (theirs.request.method === 'INVITE') {
      this.#user.answerAndRepeat(theirs, sdp);
      return;
    }
    this.#peer.answer(theirs, 200, undefined, sdp);
    this.happen({ type: 'settled' });
  }

  refuse(code: number, reason: string): void {
    const theirs = this.#takeTheirs();
    if (!theirs) return;
    this.#peer.answer(theirs, code, reason, null);
    this.happen({ type: 'settled' });
  }

  /** Their re-INVITE, or UPDATE with an offer. */
  receive(request: IncomingRequest, transaction: ServerTransaction): void {
    if (this.#user.state() !== 'up' && request.method === 'INVITE') {
      this.#refuseOffer(transaction, this.#parts.role === 'caller' ? 491 : 500);
      return;
    }
    const step = nextOffers(this.#offers, { type: 'theirs' });
    this.#offers = step.state;
    for (const effect of step.effects) {
      if (effect.do === 'refuse') this.#refuseOffer(transaction, effect.code);
      else if (effect.do === 'tellReoffer') this.#tellReoffer(request, transaction);
      else this.#performOffer(effect);
    }
  }

  #tellReoffer(request: IncomingRequest, transaction: ServerTransaction): void {
    this.#theirs = transaction;
    transaction.user = { onCancel: () => this.#giveUp(487, 'Request Terminated') };
    if (request.method === 'INVITE') transaction.respond({ code: 100, toTag: null });
    this.#reofferTimer = this.#host.clock.after(REOFFER_MS, () => this.#giveUp(488, reasonPhrase(488)));
    this.#delegate.onReoffer(sdpOf(request));
  }

  /** Theirs is refused without the word of the party we asked. */
  #giveUp(code: number, reason: string): void {
    if (this.#theirs === null) return;
    this.#delegate.onReofferOver();
    this.refuse(code, reason);
  }

  #refuseOffer(transaction: ServerTransaction, code: 491 | 500): void {
    const seconds = Math.floor(this.#host.random() * 11);
    this.#peer.reply(transaction, code === 500 ? { code, headers: [['retry-after', String(seconds)]] } : { code });
  }

  #takeTheirs(): Answerer | null {
    const theirs = this.#theirs;
    this.#theirs = null;
    this.#reofferTimer?.cancel();
    return theirs;
  }

  happen(event: OffersEvent): void {
    const step = nextOffers(this.#offers, event);
    this.#offers = step.state;
    for (const effect of step.effects) this.#performOffer(effect);
  }

  #performOffer(effect: OffersEffect): void {
    switch (effect.do) {
      case 'send':
        if (this.#user.state() === 'up') this.#sendReoffer(effect.sdp);
        return;
      case 'waitForGlare':
        this.#glareTimer = this.#host.clock.after(this.#glareMs(), () => this.happen({ type: 'glareOver' }));
        return;
      case 'stopWaiting':
        this.#glareTimer?.cancel();
        return;
      case 'tellFailed':
        this.#delegate.onReofferFailed(effect.code, effect.reason);
        return;
      case 'refuse':
      case 'tellReoffer':
        return;
      default:
        effect satisfies never;
    }
  }

  /** RFC 3261 §14.1: who made the Call-ID waits 2.1–4 s, the other 0–2 s, in steps of 10 ms. */
  #glareMs(): number {
    const lot = this.#host.random();
    return this.#parts.role === 'caller' ? 2_100 + Math.floor(lot * 191) * 10 : Math.floor(lot * 201) * 10;
  }

  #sendReoffer(sdp: string): void {
    const parts = { body: sdp, headers: this.#peer.requestHeaders() };
    this.#peer
      .exchange(() => this.#peer.next('INVITE', parts), {
        onResponse: (response, request) => this.#onReofferResponse(response, request),
        onNoAnswer: (code) => this.#reofferFailed(code, reasonPhrase(code)),
      })
      .send();
  }

  #onReofferResponse(response: IncomingResponse, request: SipRequest): void {
    this.#peer.heard('INVITE', response.status, response.reason);
    if (response.status < 200) return;
    if (response.status >= 300) {
      this.#reofferFailed(response.status, response.reason);
      return;
    }
    if (this.#peer.acknowledgeAgain(response)) return;
    this.#peer.dialog = retarget(this.#peer.dialog, response);
    this.#peer.acknowledge(response, request, this.#peer.dialog, null);
    this.#user.onTarget();
    if (this.#user.state() === 'up') this.#delegate.onReanswered(sdpOf(response));
    this.happen({ type: 'answered' });
  }

  #reofferFailed(code: number, reason: string): void {
    if (code === 408 || code === 481) this.#user.onLost(code);
    else this.happen({ type: 'refused', code, reason });
  }
}
