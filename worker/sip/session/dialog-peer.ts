/**
 * The far party as its dialog reaches it: requests within the dialog with credentials and the right
 * route, ACKs and their repetitions, answers with our tag. Holds the dialog; the call decides what to say.
 */
import { ackRequest, type Dialog, nextHopUri, nextRequest, type RequestParts } from '../dialog/dialog.ts';
import { isBehindNat } from '../dialog/nat.ts';
import type { IncomingResponse, SipRequest } from '../message/message.ts';
import { type ResponseParts, reasonPhrase } from '../message/respond.ts';
import type { SipCallDelegate } from '../sip-call.ts';
import type { ServerTransaction } from '../transaction/server-transaction.ts';
import { hopOf } from '../transport/resolve.ts';
import { ALLOW, type Header } from './abilities.ts';
import { type Answerer, answerParts } from './answering.ts';
import type { Authorisation } from './authorisation.ts';
import { Exchange, type ExchangeUser } from './exchange.ts';
import type { CallHost } from './host.ts';
import type { Route } from './sender.ts';

/** Forks and re-INVITEs whose 2xx may still be repeated. */
const MAX_ACKS = 16;

export interface CallParts {
  readonly host: CallHost;
  readonly delegate: SipCallDelegate;
  readonly role: 'caller' | 'callee';
  readonly dialog: Dialog;
  readonly authorisation: Authorisation;
  /** Their first INVITE. */
  readonly invite: Answerer | null;
  /** Our first INVITE's. */
  readonly order: {
    readonly via: string | null;
    readonly headers: readonly Header[];
    readonly sdp: string | null;
  } | null;
}

export class DialogPeer {
  dialog: Dialog;
  readonly localTag: string;
  readonly #host: CallHost;
  readonly #delegate: SipCallDelegate;
  readonly #parts: CallParts;
  readonly #onCounted: () => void;
  /** ACKs sent, by CSeq and far tag, to be sent again with each repeated 2xx. */
  readonly #acks = new Map<string, () => void>();

  /** `onCounted` is told each time a request has taken a number of the dialog. */
  constructor(parts: CallParts, onCounted: () => void) {
    this.#parts = parts;
    this.#host = parts.host;
    this.#delegate = parts.delegate;
    this.dialog = parts.dialog;
    this.localTag = parts.dialog.localTag;
    this.#onCounted = onCounted;
  }

  /** Sends the ACK of a 2xx again; false when there was none yet. */
  acknowledgeAgain(response: IncomingResponse): boolean {
    const again = this.#acks.get(ackKey(response));
    again?.();
    return again !== undefined;
  }

  acknowledge(response: IncomingResponse, request: SipRequest, dialog: Dialog, sdp: string | null): void {
    const headers: Header[] = [...this.requestHeaders()];
    for (const name of ['authorization', 'proxy-authorization']) {
      const value = request.headers.get(name);
      if (value !== null) headers.push([name, value]);
    }
    const ack = ackRequest(dialog, response.cseq.number, { headers, body: sdp ?? '' });
    this.said('ACK', null, null);
    const oldest = this.#acks.keys().next();
    if (this.#acks.size >= MAX_ACKS && !oldest.done) this.#acks.delete(oldest.value);
    this.#acks.set(ackKey(response), this.#host.sender.sendAck(ack, this.route(dialog)));
  }

  /** Hangs up a dialog that is not, or no more, the call's. */
  leave(dialog: Dialog, done: () => void = () => {}): void {
    let current = dialog;
    const make = (): SipRequest => {
      const step = nextRequest(current, 'BYE', { headers: this.requestHeaders() });
      current = step.dialog;
      this.said('BYE', null, null);
      return step.request;
    };
    const user = {
      onResponse: (response: IncomingResponse): void => {
        this.heard('BYE', response.status, response.reason);
        if (response.status >= 200) done();
      },
      onNoAnswer: done,
    };
    new Exchange(this.#host.sender, this.#parts.authorisation, make, () => this.route(current), user).send();
  }

  /** The next request of the dialog, counted and kept. */
  next(method: string, parts: RequestParts): SipRequest {
    const step = nextRequest(this.dialog, method, parts);
    this.dialog = step.dialog;
    this.#onCounted();
    this.said(method, null, null);
    return step.request;
  }

  exchange(make: () => SipRequest, user: ExchangeUser): Exchange {
    return new Exchange(this.#host.sender, this.#parts.authorisation, make, () => this.route(this.dialog), user);
  }

  route(dialog: Dialog): Route {
    const via = dialog.remoteTag === '' ? this.#parts.order?.via : null;
    const uri = via ? `sip:${via}` : nextHopUri(dialog);
    return { hop: hopOf(uri, dialog.transport), flow: dialog.flow, flowFirst: isBehindNat(dialog) };
  }

  requestHeaders(): readonly Header[] {
    return [
      ['user-agent', this.#host.product],
      ['allow', ALLOW],
    ];
  }

  reply(transaction: ServerTransaction, parts: Omit<ResponseParts, 'toTag'>): void {
    const headers: Header[] = [['server', this.#host.product], ...(parts.headers ?? [])];
    transaction.respond({ ...parts, headers, toTag: this.localTag });
    this.said(transaction.request.method, parts.code, parts.reason ?? reasonPhrase(parts.code));
  }

  answer(answerer: Answerer | null, code: number, reason: string | undefined, sdp: string | null): void {
    if (!answerer) return;
    const { contact } = this.dialog;
    const given = { code, toTag: this.localTag, contact, product: this.#host.product, sdp };
    this.said(answerer.request.method, code, reason ?? reasonPhrase(code));
    answerer.respond(answerParts(answerer.request, reason === undefined ? given : { ...given, reason }));
  }

  heard(method: string, code: number | null, reason: string | null): void {
    this.#delegate.onMessage?.('in', { method, code, reason });
  }

  said(method: string, code: number | null, reason: string | null): void {
    this.#delegate.onMessage?.('out', { method, code, reason });
  }
}

const ackKey = (response: IncomingResponse): string => `${response.cseq.number}|${response.toTag ?? ''}`;
