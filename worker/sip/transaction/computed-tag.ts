/**
 * To tags that need no memory: a request that is answered without a transaction gets the same one each time it
 * comes (RFC 3261 §8.2.7), and nobody else can tell which.
 */
import { createHmac, randomBytes } from 'node:crypto';
import type { IncomingRequest } from '../message/message.ts';

export class ComputedTag {
  readonly #secret = randomBytes(32);

  of({ callId, fromTag, cseq, via }: IncomingRequest): string {
    const request = JSON.stringify([callId, fromTag, cseq.number, via.branch]);
    return createHmac('sha256', this.#secret).update(request).digest('hex').slice(0, 16);
  }
}
