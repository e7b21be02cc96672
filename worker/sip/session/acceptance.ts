/**
 * Our 2xx to an INVITE of theirs, the first or one within the dialog, from its sending to its ACK
 * (RFC 3261 §13.3.1.4). Owned by the call.
 */
import { AnswerRepeater } from './answer-repeater.ts';
import { type Answerer, answerParts } from './answering.ts';
import type { DialogPeer } from './dialog-peer.ts';
import type { CallHost } from './host.ts';

export class Acceptance {
  readonly #host: CallHost;
  readonly #peer: DialogPeer;
  readonly #onGivenUp: () => void;
  #repeater: AnswerRepeater | null = null;

  /** `onGivenUp` is told when no ACK came. */
  constructor(host: CallHost, peer: DialogPeer, onGivenUp: () => void) {
    this.#host = host;
    this.#peer = peer;
    this.#onGivenUp = onGivenUp;
  }

  accept(answerer: Answerer, sdp: string | null): void {
    this.#peer.answer(answerer, 200, undefined, sdp);
    const { contact, localTag } = this.#peer.dialog;
    const { product, clock } = this.#host;
    const parts = answerParts(answerer.request, { code: 200, toTag: localTag, contact, product, sdp });
    this.stop();
    this.#repeater = new AnswerRepeater(
      clock,
      answerer.request.cseq.number,
      () => answerer.respond(parts),
      () => {
        this.#repeater = null;
        this.#onGivenUp();
      },
    );
  }

  /** The ACK of the INVITE with this number; false when it is not waited for. */
  acked(number: number): boolean {
    if (this.#repeater?.number !== number) return false;
    this.stop();
    return true;
  }

  stop(): void {
    this.#repeater?.stop();
    this.#repeater = null;
  }
}
