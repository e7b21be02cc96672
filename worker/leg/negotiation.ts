/**
 * Offer and answer between one far party and its sound (RFC 3264): keeps our offer until its answer, and hands what was
 * agreed to the media. Owned by a leg or a phone, which carry the descriptions and decide what a failure means.
 */
import type { Sdp } from '../../shared/domain/letter.ts';
import type { LegMedia } from './leg-media.ts';
import {
  type Agreed,
  type Agreement,
  type Answered,
  acceptAnswer,
  answerOffer,
  type Direction,
  type Disagreement,
  type LocalAudio,
  makeOffer,
} from './sdp.ts';

export class Negotiation {
  readonly #media: LegMedia;
  #offered: LocalAudio | null = null;
  /** What was agreed before our last description. */
  #before: Agreement | null = null;

  constructor(media: LegMedia) {
    this.#media = media;
  }

  /** Whether an offer of ours waits for its answer. */
  get pending(): boolean {
    return this.#offered !== null;
  }

  /** Our offer; it replaces one that waits. */
  offer(direction?: Direction): Sdp {
    const local = this.#media.local(direction);
    this.#offered = local;
    this.#before = this.#media.agreement;
    this.#media.offered(local);
    return makeOffer(local);
  }

  /** Our offer of a place that is not ours. */
  offerElsewhere(address: string, port: number, direction: Direction): Sdp {
    const local = { ...this.#media.local(direction), address, port };
    this.#offered = local;
    return makeOffer(local);
  }

  /** Our offer was refused. */
  withdraw(): void {
    this.#offered = null;
  }

  /** The far end has not taken our last description, an answer or an offer it had asked for: all is as it was before. */
  takeBack(): void {
    this.#offered = null;
    if (this.#before !== null) this.#media.apply(this.#before);
    this.#before = null;
  }

  /** Our answer to an offer of theirs. Sound that has not started yet does not start by it. */
  answer(offer: Sdp, direction?: Direction): Answered | Disagreement {
    const before = this.#media.agreement;
    const result = answerOffer(offer, this.#media.local(direction));
    if (!result.ok) return result;
    this.#before = before;
    this.#media.apply(result.agreement);
    return result;
  }

  /** An answer before the final one: sound flows, and another may follow. Null when no offer waits. */
  acceptEarly(answer: Sdp): Agreed | Disagreement | null {
    if (this.#offered === null) return null;
    const result = acceptAnswer(answer, this.#offered);
    if (!result.ok) return result;
    this.#media.apply(result.agreement);
    this.#media.start();
    return result;
  }

  /** The answer to our offer: sound flows. Null when no offer waits. */
  accept(answer: Sdp): Agreed | Disagreement | null {
    const result = this.acceptEarly(answer);
    this.#offered = null;
    return result;
  }
}
