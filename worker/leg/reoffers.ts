/**
 * Offers within the dialog of one leg, either way, by their numbers: an answer means nothing but with its own offer, and one of
 * theirs that came to nothing is undone. Owned by its leg, which decides when there is an offer and what a failure means.
 */
import { type GatewayLetter, numbered, type Sdp } from '../../shared/domain/letter.ts';
import { type LegId, newOfferNumber, type OfferNumber } from '../../shared/kernel/ids.ts';
import type { Negotiation } from './negotiation.ts';

export class Reoffers {
  readonly #leg: LegId;
  readonly #negotiation: Negotiation;
  readonly #send: (letter: GatewayLetter) => void;
  /** Our last one. */
  #ours: OfferNumber | null = null;
  /** Their last one, when we answered it. */
  #theirs: OfferNumber | null = null;

  constructor(leg: LegId, negotiation: Negotiation, send: (letter: GatewayLetter) => void) {
    this.#leg = leg;
    this.#negotiation = negotiation;
    this.#send = send;
  }

  offer(): void {
    this.#ours = newOfferNumber();
    this.#send({ kind: 'reoffer', leg: this.#leg, sdp: this.#negotiation.offer(), offer: this.#ours });
  }

  /** Whether what the far end says is about our last offer. */
  isOurs(offer: OfferNumber | undefined): boolean {
    return offer === undefined || offer === this.#ours;
  }

  /** Answers theirs, or refuses it when there is nothing to agree on. */
  answer(sdp: Sdp | null, offer: OfferNumber | undefined): void {
    // Read twice: what was agreed before it is not what is agreed now.
    if (offer !== undefined && offer === this.#theirs) return;
    this.#theirs = null;
    const result = sdp === null ? this.#offerBack() : this.#negotiation.answer(sdp);
    if (!result.ok) {
      this.refuse(result.sipCode, offer);
      return;
    }
    this.#theirs = offer ?? null;
    this.#send({ kind: 'answer-reoffer', leg: this.#leg, sdp: result.sdp, ...numbered(offer) });
  }

  refuse(sipCode: number, offer: OfferNumber | undefined): void {
    this.#send({ kind: 'reject-reoffer', leg: this.#leg, sipCode, ...numbered(offer) });
  }

  /** Theirs was refused or cancelled while our answer was under way. */
  over(offer: OfferNumber): void {
    if (offer !== this.#theirs) return;
    this.#theirs = null;
    this.#negotiation.takeBack();
  }

  #offerBack(): { readonly ok: true; readonly sdp: Sdp } {
    return { ok: true, sdp: this.#negotiation.offer() };
  }
}
