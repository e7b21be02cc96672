/**
 * One request of ours with everything that may come before its real answer: credentials on a
 * challenge, at most twice more, each time as a new request with the next CSeq.
 */
import type { IncomingResponse, SipRequest } from '../message/message.ts';
import type { Authorisation } from './authorisation.ts';
import type { RequestSender, Route, Sending, Sent } from './sender.ts';

export interface ExchangeUser {
  /** Any response but a challenge that is being answered. */
  onResponse(response: IncomingResponse, request: SipRequest): void;
  onNoAnswer(code: 408 | 503): void;
}

const MAX_RETRIES = 2;

export class Exchange implements Sending {
  readonly #sender: RequestSender;
  readonly #authorisation: Authorisation;
  readonly #make: () => SipRequest;
  readonly #route: () => Route;
  readonly #user: ExchangeUser;
  #retries = 0;
  /** No further request is to be made of it. */
  #isLast = false;
  #sending: Sending | null = null;

  /** `make` gives the request anew, with the next CSeq, each time it is called. */
  constructor(
    sender: RequestSender,
    authorisation: Authorisation,
    make: () => SipRequest,
    route: () => Route,
    user: ExchangeUser,
  ) {
    this.#sender = sender;
    this.#authorisation = authorisation;
    this.#make = make;
    this.#route = route;
    this.#user = user;
  }

  send(): void {
    const request = this.#authorisation.apply(this.#make());
    this.#sending = this.#sender.send(request, this.#route(), {
      onResponse: (response) => this.#onResponse(response, request),
      onNoAnswer: (code) => this.#user.onNoAnswer(code),
    });
  }

  get sent(): Sent | null {
    return this.#sending?.sent ?? null;
  }

  stopTrying(): void {
    this.#isLast = true;
    this.#sending?.stopTrying();
  }

  cancel(): void {
    this.#isLast = true;
    this.#sending?.cancel();
  }

  abandon(): void {
    this.#isLast = true;
    this.#sending?.abandon();
  }

  #onResponse(response: IncomingResponse, request: SipRequest): void {
    const again = !this.#isLast && this.#retries < MAX_RETRIES && this.#authorisation.learn(response, request);
    if (!again) {
      this.#user.onResponse(response, request);
      return;
    }
    this.#retries++;
    this.send();
  }
}
