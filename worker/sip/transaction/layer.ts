/**
 * The transaction layer (RFC 3261 §17): matches messages to transactions, makes new ones for what is taken
 * up, and bounds how many there are. Above it is the user agent, below it the wire.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../../shared/kernel/clock.ts';
import type { IncomingMessage, IncomingRequest, IncomingResponse, SipRequest } from '../message/message.ts';
import { buildResponse, type ResponseParts } from '../message/respond.ts';
import { serialise } from '../message/serialise.ts';
import { MAGIC_COOKIE } from '../message/via.ts';
import { ackOf, ClientTransaction, type ClientUser, cancelOf } from './client-transaction.ts';
import { ComputedTag } from './computed-tag.ts';
import { ServerTransaction, sendReply } from './server-transaction.ts';
import type { Flow, Wire } from './wire.ts';

/**
 * A request before it has a transaction. What is refused gets none: strangers are to hold nothing here, and
 * whose address they forge is to get one answer and not eleven.
 */
export interface Arrival {
  readonly request: IncomingRequest;
  readonly source: Flow;
  /** The final answer, given without memory (RFC 3261 §8.2.7): the request sent again is a new one. */
  reply(parts: Omit<ResponseParts, 'toTag'>): void;
  /** Takes it up, once. */
  open(): ServerTransaction;
}

export interface LayerUser {
  /** A new request, neither ACK nor CANCEL. It must get a final response. */
  onRequest(arrival: Arrival): void;
  /** Whether it belongs to a call that is here: for these room is kept. */
  isOurs(request: IncomingRequest): boolean;
  /** An ACK that belongs to no transaction: of a 2xx, or a stray one. */
  onAck(request: IncomingRequest): void;
  /** A CANCEL whose INVITE has no transaction here; whether it belongs to a call all the same. */
  onOrphanCancel(request: IncomingRequest): boolean;
  /** A response that belongs to no transaction: a late 2xx, or a stray one. */
  onStray(response: IncomingResponse): void;
}

export interface LayerLimits {
  /** Transactions of each side at a time. */
  readonly transactions: number;
  /** Of theirs, for requests within calls alone. */
  readonly reserved: number;
}

export interface LayerCounts {
  readonly clientTransactions: number;
  readonly serverTransactions: number;
  /** Requests answered 503 because the table was full, since the start. */
  readonly overflowed: number;
}

const UNINTERESTED: ClientUser = { onResponse: () => {}, onTimeout: () => {}, onUnreachable: () => {} };

export class TransactionLayer {
  readonly #wire: Wire;
  readonly #clock: Clock;
  readonly #user: LayerUser;
  readonly #limits: LayerLimits;
  readonly #tag = new ComputedTag();
  readonly #clients = new Map<string, ClientTransaction>();
  readonly #servers = new Map<string, ServerTransaction>();
  /** Call-ID, From tag and CSeq of the requests in progress: the same by another way is a loop (§8.2.2.2). */
  readonly #origins = new Map<string, string>();
  #overflowed = 0;

  constructor(wire: Wire, clock: Clock, user: LayerUser, limits: LayerLimits) {
    this.#wire = wire;
    this.#clock = clock;
    this.#user = user;
    this.#limits = limits;
  }

  get counts(): LayerCounts {
    return {
      clientTransactions: this.#clients.size,
      serverTransactions: this.#servers.size,
      overflowed: this.#overflowed,
    };
  }

  /** Whether every request has its final answer; transactions that only absorb repetitions do not count. */
  get quiet(): boolean {
    for (const one of this.#clients.values()) if (!one.answered) return false;
    for (const one of this.#servers.values()) if (one.finalStatus === 0) return false;
    return true;
  }

  /** Forgets all transactions without a word. */
  close(): void {
    for (const one of [...this.#clients.values()]) one.abandon();
    for (const one of [...this.#servers.values()]) one.abandon();
  }

  /** Sends a request without Via to one target. Null when the table is full. */
  request(request: SipRequest, target: Flow, user: ClientUser): ClientTransaction | null {
    if (this.#clients.size >= this.#limits.transactions) return null;
    const branch = MAGIC_COOKIE + randomBytes(12).toString('hex');
    const headers = request.headers.copy();
    headers.prepend('via', this.via(target, branch));
    return this.#start(branch, { ...request, headers }, target, user);
  }

  /** Cancels an INVITE; its final response comes by the INVITE's own transaction. */
  cancel(invite: SipRequest, target: Flow): void {
    const branch = branchOf(invite);
    if (this.#clients.has(clientKey(branch, 'CANCEL'))) return;
    this.#start(branch, cancelOf(invite), target, UNINTERESTED);
  }

  /** Acknowledges a refusal that came after the INVITE's transaction was gone. */
  acknowledge(invite: SipRequest, response: IncomingResponse, target: Flow): void {
    this.#wire.send(serialise(ackOf(invite, response)), target, () => {});
  }

  via(target: Flow, branch: string): string {
    return `SIP/2.0/${target.transport.toUpperCase()} ${this.#wire.sentBy};branch=${branch};rport`;
  }

  receive(message: IncomingMessage, source: Flow): void {
    if (message.kind === 'response') this.#receiveResponse(message);
    else if (message.method === 'ACK') this.#receiveAck(message);
    else this.#receiveRequest(message, source);
  }

  /** Answers for a call without a transaction. */
  reply(request: IncomingRequest, source: Flow, parts: ResponseParts): void {
    sendReply(this.#wire, serialise(buildResponse(request, parts)), request, source, () => {});
  }

  #start(branch: string, request: SipRequest, target: Flow, user: ClientUser): ClientTransaction {
    const key = clientKey(branch, request.method);
    const forget = (): void => {
      this.#clients.delete(key);
    };
    const transaction = new ClientTransaction(request, target, this.#wire, this.#clock, user, forget);
    this.#clients.set(key, transaction);
    transaction.begin();
    return transaction;
  }

  #receiveResponse(response: IncomingResponse): void {
    const transaction = this.#clients.get(clientKey(response.via.branch, response.cseq.method));
    if (transaction) transaction.receive(response);
    else this.#user.onStray(response);
  }

  #receiveAck(request: IncomingRequest): void {
    const transaction = this.#servers.get(serverKey(request, 'INVITE'));
    if (transaction && transaction.finalStatus >= 300) transaction.acknowledged();
    else this.#user.onAck(request);
  }

  #receiveRequest(request: IncomingRequest, source: Flow): void {
    const key = serverKey(request, request.method);
    const existing = this.#servers.get(key);
    if (existing) existing.repeated();
    else if (request.method === 'CANCEL') this.#receiveCancel(request, source);
    else if (!this.#hasRoom(request)) this.#overflow(request, source);
    else if (this.#isMerged(request)) this.#replyOnce(request, source, { code: 482 });
    else {
      this.#user.onRequest({
        request,
        source,
        reply: (parts) => this.#replyOnce(request, source, parts),
        open: () => this.#open(key, request, source),
      });
    }
  }

  #replyOnce(request: IncomingRequest, source: Flow, parts: Omit<ResponseParts, 'toTag'>): void {
    this.reply(request, source, { ...parts, toTag: this.#tag.of(request) });
  }

  #hasRoom(request: IncomingRequest): boolean {
    const { transactions, reserved } = this.#limits;
    const used = this.#servers.size;
    return used < transactions - reserved || (used < transactions && this.#user.isOurs(request));
  }

  #overflow(request: IncomingRequest, source: Flow): void {
    this.#overflowed++;
    this.#replyOnce(request, source, { code: 503, headers: [['retry-after', '5']] });
  }

  #open(key: string, request: IncomingRequest, source: Flow): ServerTransaction {
    const origin = originKey(request);
    const transaction = new ServerTransaction(request, source, this.#wire, this.#clock, () => {
      this.#servers.delete(key);
      if (this.#origins.get(origin) === key) this.#origins.delete(origin);
    });
    this.#servers.set(key, transaction);
    if (request.toTag === null) this.#origins.set(origin, key);
    return transaction;
  }

  /** Needs no transaction of its own: the INVITE's remembers what the answer is. */
  #receiveCancel(request: IncomingRequest, source: Flow): void {
    const invite = this.#servers.get(serverKey(request, 'INVITE'));
    const known = invite !== undefined || this.#user.onOrphanCancel(request);
    this.#replyOnce(request, source, { code: known ? 200 : 481 });
    if (invite && invite.finalStatus === 0) invite.user?.onCancel();
  }

  /** Whether this request is already here by another path. */
  #isMerged(request: IncomingRequest): boolean {
    return request.toTag === null && this.#origins.has(originKey(request));
  }
}

const clientKey = (branch: string, method: string): string => `${branch}|${method}`;

function originKey(request: IncomingRequest): string {
  return `${request.callId}|${request.fromTag ?? ''}|${request.cseq.number}|${request.method}`;
}

/** RFC 3261 §17.2.3: branch, sent-by and method; without the cookie, the fields RFC 2543 matched by. */
function serverKey(request: IncomingRequest, method: string): string {
  const { via } = request;
  const sentBy = `${via.host}:${via.port ?? 5060}`;
  if (via.branch.length > MAGIC_COOKIE.length && via.branch.startsWith(MAGIC_COOKIE)) {
    return `${via.branch}|${sentBy}|${method}`;
  }
  const { callId, fromTag, cseq } = request;
  return `old|${callId}|${fromTag ?? ''}|${cseq.number}|${sentBy}|${via.branch}|${method}`;
}

function branchOf(request: SipRequest): string {
  const via = request.headers.get('via') ?? '';
  const at = via.indexOf(';branch=') + 8;
  const end = via.indexOf(';', at);
  return via.slice(at, end < 0 ? undefined : end);
}
