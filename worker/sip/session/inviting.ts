/**
 * Our first INVITE: sent, waited for, CANCELled, and its 2xx acknowledged (RFC 3261 §9.1, §13.2.2). What
 * its responses mean is decided by the machine of the usage. Owned by the call; idle in a callee.
 */
import type { Timer } from '../../../shared/kernel/clock.ts';
import { dialogFromResponse, nextRequest } from '../dialog/dialog.ts';
import type { IncomingResponse, SipRequest } from '../message/message.ts';
import { reasonPhrase } from '../message/respond.ts';
import { LONG } from '../transaction/timers.ts';
import { type KeptCall, type KeptRequest, keepRequest, recallRequest } from './data.ts';
import type { CallParts, DialogPeer } from './dialog-peer.ts';
import type { Exchange } from './exchange.ts';
import type { CallHost } from './host.ts';
import type { UsageEvent } from './usage.ts';

export interface InvitingUser {
  /** Whether no final answer came yet. */
  isCalling(): boolean;
  happen(event: UsageEvent, response?: IncomingResponse): void;
}

export class Inviting {
  readonly #parts: CallParts;
  readonly #host: CallHost;
  readonly #peer: DialogPeer;
  readonly #user: InvitingUser;
  #exchange: Exchange | null = null;
  /** After a restart: the INVITE that was out. */
  #left: KeptRequest | null = null;
  /** The first 2xx, until its ACK is sent: a late offer waits for our answer. */
  #success: { readonly response: IncomingResponse; readonly request: SipRequest } | null = null;
  #timer: Timer | null = null;
  #until: number | null = null;

  constructor(parts: CallParts, peer: DialogPeer, user: InvitingUser) {
    this.#parts = parts;
    this.#host = parts.host;
    this.#peer = peer;
    this.#user = user;
  }

  send(ringTimeoutMs: number): void {
    const { order } = this.#parts;
    const draft = this.#peer.dialog;
    const parts = { body: order?.sdp ?? '', headers: [...this.#peer.requestHeaders(), ...(order?.headers ?? [])] };
    this.#ringFor(ringTimeoutMs);
    const make = (): SipRequest => {
      const step = nextRequest({ ...draft, localCSeq: this.#peer.dialog.localCSeq }, 'INVITE', parts);
      this.#peer.dialog = step.dialog;
      this.#peer.said('INVITE', null, null);
      return step.request;
    };
    this.#exchange = this.#peer.exchange(make, {
      onResponse: (response, request) => this.#onResponse(response, request),
      onNoAnswer: (code) => this.#user.happen({ type: 'failure', code, reason: reasonPhrase(code) }),
    });
    this.#exchange.send();
  }

  /** Takes up where the data says it stood. */
  resume(phase: 'calling' | 'trying' | 'ringing' | 'cancelling', kept: KeptCall): void {
    this.#left = kept.sent;
    const untilMs = Math.max(0, (kept.ringUntil ?? 0) - this.#host.clock.now());
    if (phase === 'cancelling') this.cancel();
    else if (phase === 'calling') this.#giveUpIn(Math.min(LONG, untilMs));
    else this.#ringFor(untilMs);
  }

  /** What a restart needs of it, for as long as it has no final answer. */
  data(): Pick<KeptCall, 'sent' | 'ringUntil'> {
    const sent = this.#exchange?.sent ?? null;
    return { sent: sent ? keepRequest(sent.request, sent.target) : this.#left, ringUntil: this.#until };
  }

  /** Given up before anyone said a word: what answers the INVITE that is out is still heard. */
  stopTrying(): void {
    this.#exchange?.stopTrying();
  }

  cancel(): void {
    this.#peer.said('CANCEL', null, null);
    const invite = recallRequest(this.#left);
    if (this.#exchange) this.#exchange.cancel();
    else if (invite && this.#left) this.#host.cancel(invite, this.#left.flow);
    this.stopWaiting();
    this.#timer = this.#host.clock.after(LONG, () => this.#user.happen({ type: 'cancelTimeout' }));
  }

  /** Not even a CANCEL was answered. */
  abandon(): void {
    this.#exchange?.abandon();
  }

  /** ACKs the first 2xx; false when there is none that waits for it. */
  acknowledge(sdp: string | null): boolean {
    if (!this.#success) return false;
    const { response, request } = this.#success;
    this.#success = null;
    this.#peer.acknowledge(response, request, this.#peer.dialog, sdp);
    return true;
  }

  /** Lets go of the timer. */
  stopWaiting(): void {
    this.#timer?.cancel();
  }

  /** The call is given up: a 2xx that waits is acknowledged all the same. */
  stop(): void {
    this.acknowledge(null);
    this.stopWaiting();
  }

  /** A response to the INVITE that was out when we restarted: its transaction is gone. */
  receiveStray(response: IncomingResponse): void {
    const invite = recallRequest(this.#left);
    if (!invite || response.cseq.number !== invite.cseq.number) return;
    if (response.status >= 300 && this.#left) this.#host.acknowledge(invite, response, this.#left.flow);
    this.#onResponse(response, invite);
  }

  #onResponse(response: IncomingResponse, request: SipRequest): void {
    const { status, reason } = response;
    this.#peer.heard('INVITE', status, reason);
    if (status < 200) {
      if (response.toTag !== null) this.#peer.dialog = dialogFromResponse(this.#peer.dialog, response);
      this.#user.happen({ type: 'provisional', code: status }, response);
    } else if (status < 300) {
      this.#onSuccess(response, request);
    } else {
      this.#user.happen({ type: 'failure', code: status, reason }, response);
    }
  }

  /** The first 2xx makes the call; another fork's is acknowledged and hung up (RFC 3261 §13.2.2.4). */
  #onSuccess(response: IncomingResponse, request: SipRequest): void {
    if (this.#peer.acknowledgeAgain(response)) return;
    if (this.#success?.response.toTag === response.toTag) return;
    const dialog = dialogFromResponse(this.#peer.dialog, response);
    if (!this.#user.isCalling()) {
      this.#peer.acknowledge(response, request, dialog, null);
      this.#peer.leave(dialog);
      return;
    }
    this.#peer.dialog = dialog;
    this.#success = { response, request };
    this.#user.happen({ type: 'success' }, response);
  }

  #ringFor(ms: number): void {
    this.#wait(ms, { type: 'ringTimeout' });
  }

  /** After a restart, for an INVITE of ours that nobody has said a word to: its transaction's own time-out. */
  #giveUpIn(ms: number): void {
    this.#wait(ms, { type: 'failure', code: 408, reason: reasonPhrase(408) });
  }

  #wait(ms: number, event: UsageEvent): void {
    this.#until = this.#host.clock.now() + ms;
    this.#timer = this.#host.clock.after(ms, () => this.#user.happen(event));
  }
}
