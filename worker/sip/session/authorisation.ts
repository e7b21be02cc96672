/**
 * What one call knows of the challenges it met: answers 401 and 407, then sends credentials along
 * unasked with a rising count (RFC 7616 §3.4, RFC 3261 §22).
 */
import { randomBytes } from 'node:crypto';
import { authorise, type Challenge, chooseChallenge } from '../digest.ts';
import type { IncomingResponse, SipRequest } from '../message/message.ts';
import type { SipCredentials } from '../sip-call.ts';

interface Known {
  readonly challenge: Challenge;
  count: number;
}

export class Authorisation {
  readonly #credentials: SipCredentials | null;
  readonly #known = new Map<'authorization' | 'proxy-authorization', Known>();

  constructor(credentials: SipCredentials | null) {
    this.#credentials = credentials;
  }

  /** The request with credentials for every challenge met so far. */
  apply(request: SipRequest): SipRequest {
    if (!this.#credentials || this.#known.size === 0) return request;
    const headers = request.headers.copy();
    for (const [header, known] of this.#known) {
      known.count++;
      const cnonce = randomBytes(8).toString('hex');
      headers.set(header, authorise(this.#credentials, known.challenge, request, known.count, cnonce));
    }
    return { ...request, headers };
  }

  /** Whether sending the refused request again makes sense: a challenge that is new or only stale. */
  learn(response: IncomingResponse, refused: SipRequest): boolean {
    if (!this.#credentials || (response.status !== 401 && response.status !== 407)) return false;
    const proxy = response.status === 407;
    const header = proxy ? 'proxy-authorization' : 'authorization';
    const challenge = chooseChallenge(response.headers.all(proxy ? 'proxy-authenticate' : 'www-authenticate'));
    if (!challenge) return false;
    const tried = refused.headers.has(header);
    const before = this.#known.get(header);
    const renewed = before !== undefined && before.challenge.nonce !== challenge.nonce && before.count > 1;
    if (tried && !challenge.stale && !renewed) return false;
    this.#known.set(header, { challenge, count: 0 });
    return true;
  }
}
