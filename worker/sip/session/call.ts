/**
 * One call: performs what the machines of usage and offers decide, keeps the dialog, and tells the
 * delegate. Made by the user agent (`dialled`, `invited`) and forgotten by it when the usage has ended.
 */
import type { Timer } from '../../../shared/kernel/clock.ts';
import { acceptRequest, ackRequest, dialogFromResponse, nextRequest } from '../dialog/dialog.ts';
import {
  type IncomingRequest,
  type IncomingResponse,
  retryAfterMs,
  type SipRequest,
  sdpOf,
} from '../message/message.ts';
import { reasonPhrase } from '../message/respond.ts';
import type { SipCall, SipCallData, SipCallDelegate } from '../sip-call.ts';
import type { ServerTransaction } from '../transaction/server-transaction.ts';
import { LONG } from '../transaction/timers.ts';
import { ABILITIES, refusal } from './abilities.ts';
import { AnswerRepeater } from './answer-repeater.ts';
import { type Answerer, answerParts } from './answering.ts';
import { type KeptCall, type KeptRequest, keepRequest, recallRequest, toCallData } from './data.ts';
import { type CallParts, DialogPeer } from './dialog-peer.ts';
import type { Exchange } from './exchange.ts';
import type { CallHost } from './host.ts';
import { Offering } from './offering.ts';
import { firstOffer, type Offers } from './offers.ts';
import { nextUsage, type Usage, type UsageEffect, type UsageEvent } from './usage.ts';

interface Context {
  readonly response?: IncomingResponse;
  readonly sdp?: string | null;
}

export class Call implements SipCall {
  readonly callId: string;
  readonly localTag: string;
  readonly #host: CallHost;
  readonly #delegate: SipCallDelegate;
  #parts: CallParts;
  #usage: Usage;
  readonly #offering: Offering;
  readonly #peer: DialogPeer;
  #inviting: Exchange | null = null;
  /** A late offer's 2xx that waits for our answer. */
  #lateAck: { readonly response: IncomingResponse; readonly request: SipRequest } | null = null;
  #repeater: AnswerRepeater | null = null;
  #ringTimer: Timer | null = null;
  #ringUntil: number | null = null;
  /** The body of our 2xx. */
  #answerSdp: string | null = null;
  /** After a restart: the INVITE that was out. */
  #sent: KeptRequest | null = null;

  constructor(
    parts: CallParts,
    usage: Usage,
    offers: Offers = firstOffer(parts.role === 'caller' ? 'ours' : 'theirs'),
  ) {
    this.#parts = parts;
    this.#host = parts.host;
    this.#delegate = parts.delegate;
    this.#peer = new DialogPeer(parts, () => this.keep());
    this.callId = parts.dialog.callId;
    this.localTag = parts.dialog.localTag;
    this.#usage = usage;
    this.#offering = new Offering(parts, this.#peer, offers, {
      state: () => this.state,
      answerAndRepeat: (answerer, sdp) => this.#answerAndRepeat(answerer, sdp),
      onTarget: () => this.keep(),
      onLost: (code) => this.#happen({ type: 'lost', code }),
    });
  }

  get state(): SipCall['state'] {
    switch (this.#usage.phase) {
      case 'calling':
      case 'trying':
      case 'cancelling':
        return 'calling';
      case 'ringing':
        return 'ringing';
      case 'invited':
        return 'invited';
      case 'answered':
      case 'up':
        return 'up';
      case 'leaving':
      case 'ended':
        return 'ended';
      default:
        return this.#usage satisfies never;
    }
  }

  /** Sends the first INVITE. */
  begin(ringTimeoutMs: number): void {
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
    this.#inviting = this.#peer.exchange(make, {
      onResponse: (response, request) => this.#onInviteResponse(response, request),
      onNoAnswer: (code) => this.#happen({ type: 'failure', code, reason: reasonPhrase(code) }),
    });
    this.#inviting.send();
    this.keep();
  }

  /** Takes up where the data says it stood. */
  resume(kept: KeptCall): void {
    this.#sent = kept.sent;
    this.#answerSdp = kept.answer;
    const untilMs = Math.max(0, (kept.ringUntil ?? 0) - this.#host.clock.now());
    switch (kept.usage.phase) {
      case 'calling':
        this.#giveUpIn(Math.min(LONG, untilMs));
        return;
      case 'trying':
      case 'ringing':
        this.#ringFor(untilMs);
        return;
      case 'cancelling':
        this.#cancel();
        return;
      case 'answered':
        if (this.#parts.invite) this.#accept(this.#parts.invite);
        return;
      case 'leaving':
        this.#peer.leave(this.#peer.dialog, () => this.#happen({ type: 'left' }));
        return;
      case 'invited':
      case 'up':
      case 'ended':
        return;
      default:
        kept.usage satisfies never;
    }
  }

  /** Tells of the present state. */
  keep(): void {
    if (this.#usage.phase !== 'ended') this.#delegate.onData(this.data());
  }

  data(): SipCallData {
    const { role, invite, order } = this.#parts;
    const { phase } = this.#usage;
    const unanswered = phase === 'invited' || phase === 'answered';
    const calling = role === 'caller' && this.state !== 'up' && this.state !== 'ended';
    const source = this.#peer.dialog.flow;
    const sent = this.#inviting?.sent ?? null;
    return toCallData({
      version: 1,
      role,
      usage: this.#usage,
      dialog: { ...this.#peer.dialog, routeSet: [...this.#peer.dialog.routeSet] },
      invite: unanswered && invite && source ? keepRequest(invite.request, source) : null,
      answer: phase === 'answered' ? this.#answerSdp : null,
      sent: calling ? (sent ? keepRequest(sent.request, sent.target) : this.#sent) : null,
      lateOffer: order?.sdp === null,
      ringUntil: calling ? this.#ringUntil : null,
    });
  }

  ring(code: 180 | 183, sdp: string | null): void {
    if (this.#usage.phase === 'invited') this.#peer.answer(this.#parts.invite, code, undefined, sdp);
  }

  answer(sdp: string): void {
    if (this.#lateAck) {
      const { response, request } = this.#lateAck;
      this.#lateAck = null;
      this.#peer.acknowledge(response, request, this.#peer.dialog, sdp);
      this.#offering.happen({ type: 'answered' });
      return;
    }
    this.#happen({ type: 'answer' }, { sdp });
  }

  reject(code: number, reason: string): void {
    this.#happen({ type: 'reject', code, reason });
  }

  hangup(_reason?: string): void {
    this.#happen({ type: 'hangup' });
  }

  reoffer(sdp: string): void {
    if (this.state !== 'ended') this.#offering.happen({ type: 'reoffer', sdp });
  }

  answerReoffer(sdp: string): void {
    this.#offering.answer(sdp);
  }

  refuseReoffer(code: number, reason: string): void {
    this.#offering.refuse(code, reason);
  }

  info(contentType: string, body: string): void {
    const established = this.#peer.dialog.remoteTag !== '' && this.state !== 'ended';
    if (!established) return;
    const parts = { body, contentType, headers: this.#peer.requestHeaders() };
    this.#peer.exchange(() => this.#peer.next('INFO', parts), this.#watch).send();
  }

  /** The user agent closes: lets go of timers, says nothing to anyone. */
  ownerClosed(): void {
    this.#ringTimer?.cancel();
    this.#offering.ownerClosed();
    this.#repeater?.stop();
  }

  /** Their CANCEL of the first INVITE. */
  cancelled(): void {
    this.#happen({ type: 'cancelled' });
  }

  /** Whether this is the unanswered call of this INVITE, or the one a CANCEL means. */
  waitsFor(request: IncomingRequest): boolean {
    const { callId, remoteTag, remoteCSeq } = this.#peer.dialog;
    const { phase } = this.#usage;
    const isOpen = phase === 'invited' || (phase === 'answered' && request.method === 'INVITE');
    if (!isOpen || callId !== request.callId) return false;
    return remoteTag === (request.fromTag ?? '') && remoteCSeq === request.cseq.number;
  }

  /** Their INVITE of the time before a restart, sent again: from now on its answer goes this way. */
  invitedAgain(transaction: ServerTransaction): void {
    this.#parts = { ...this.#parts, invite: transaction };
    transaction.user = { onCancel: () => this.cancelled() };
    if (this.#usage.phase === 'answered') this.#accept(transaction);
  }

  /** A request that carries our tag. */
  receive(request: IncomingRequest, transaction: ServerTransaction): void {
    this.#peer.heard(request.method, null, null);
    const general = refusal(request);
    if ((request.fromTag ?? '') !== this.#peer.dialog.remoteTag) this.#peer.reply(transaction, { code: 481 });
    else if (general) this.#peer.reply(transaction, general);
    else if (this.#usage.phase === 'ended') this.#peer.reply(transaction, { code: 481 });
    else this.#receiveInOrder(request, transaction);
  }

  /** A response to an INVITE that was out when we restarted: its transaction is gone. */
  receiveStray(response: IncomingResponse): void {
    if (this.state === 'up') {
      this.#receiveLateSuccess(response);
      return;
    }
    const invite = recallRequest(this.#sent);
    if (!invite || response.cseq.number !== invite.cseq.number) return;
    if (response.status >= 300 && this.#sent) this.#host.acknowledge(invite, response, this.#sent.flow);
    this.#onInviteResponse(response, invite);
  }

  /** The 2xx of an INVITE of ours whose ACK did not arrive before the restart, or that came while we were away. */
  #receiveLateSuccess(response: IncomingResponse): void {
    const { dialog } = this.#peer;
    const isOurs = response.toTag === dialog.remoteTag && response.cseq.number <= dialog.localCSeq;
    if (!isOurs || response.status < 200 || response.status >= 300) return;
    this.#peer.heard('INVITE', response.status, response.reason);
    if (this.#peer.acknowledgeAgain(response)) return;
    this.#peer.acknowledge(response, ackRequest(dialog, response.cseq.number, {}), dialog, null);
    this.#delegate.onReanswered(sdpOf(response));
  }

  receiveAck(request: IncomingRequest): void {
    if (this.#repeater?.number !== request.cseq.number) return;
    this.#peer.heard('ACK', null, null);
    this.#repeater.stop();
    this.#repeater = null;
    this.#happen({ type: 'acked' }, { sdp: sdpOf(request) });
    this.#offering.happen({ type: 'settled' });
  }

  #receiveInOrder(request: IncomingRequest, transaction: ServerTransaction): void {
    const dialog = acceptRequest(this.#peer.dialog, request);
    if (!dialog) {
      this.#peer.reply(transaction, { code: 500, headers: [['retry-after', '0']] });
      return;
    }
    this.#peer.dialog = dialog;
    switch (request.method) {
      case 'BYE':
        this.#receiveBye(transaction);
        return;
      case 'INFO':
        this.#peer.reply(transaction, { code: 200 });
        this.#delegate.onInfo(request.headers.get('content-type') ?? '', request.body);
        break;
      case 'INVITE':
        this.#offering.receive(request, transaction);
        break;
      case 'UPDATE':
        if (sdpOf(request) === null) this.#peer.answer(transaction, 200, undefined, null);
        else this.#offering.receive(request, transaction);
        break;
      default:
        this.#peer.reply(transaction, { code: 200, headers: ABILITIES });
    }
    this.keep();
  }

  #receiveBye(transaction: ServerTransaction): void {
    const early = this.#parts.role === 'caller' && this.state !== 'up' && this.state !== 'ended';
    this.#peer.reply(transaction, { code: early ? 481 : 200 });
    if (!early) this.#happen({ type: 'bye' });
  }

  #onInviteResponse(response: IncomingResponse, request: SipRequest): void {
    this.#peer.heard('INVITE', response.status, response.reason);
    if (response.status < 200) {
      if (response.toTag !== null) this.#peer.dialog = dialogFromResponse(this.#peer.dialog, response);
      this.#happen({ type: 'provisional', code: response.status }, { response });
    } else if (response.status < 300) {
      this.#onInviteSuccess(response, request);
    } else {
      this.#happen({ type: 'failure', code: response.status, reason: response.reason }, { response });
    }
  }

  /** The first 2xx makes the call; another fork's is acknowledged and hung up (RFC 3261 §13.2.2.4). */
  #onInviteSuccess(response: IncomingResponse, request: SipRequest): void {
    if (this.#peer.acknowledgeAgain(response)) return;
    if (this.#lateAck) {
      if (this.#lateAck.response.toTag === response.toTag) return;
    }
    const waiting = this.state === 'calling' || this.state === 'ringing';
    const dialog = dialogFromResponse(this.#peer.dialog, response);
    if (!waiting) {
      this.#peer.acknowledge(response, request, dialog, null);
      this.#peer.leave(dialog);
      return;
    }
    this.#peer.dialog = dialog;
    this.#lateAck = { response, request };
    this.#happen({ type: 'success' }, { response });
  }

  /** Of requests whose only interest is whether the dialog still lives. */
  readonly #watch = {
    onResponse: (response: IncomingResponse): void => {
      this.#peer.heard(response.cseq.method, response.status, response.reason);
      if (response.status === 408 || response.status === 481) this.#happen({ type: 'lost', code: response.status });
    },
    onNoAnswer: (code: 408 | 503): void => this.#happen({ type: 'lost', code }),
  };

  #accept(invite: Answerer): void {
    this.#answerAndRepeat(invite, this.#answerSdp);
  }

  /** A 2xx to an INVITE, until its ACK comes. */
  #answerAndRepeat(answerer: Answerer, sdp: string | null): void {
    this.#peer.answer(answerer, 200, undefined, sdp);
    const { contact } = this.#peer.dialog;
    const { product, clock } = this.#host;
    const parts = answerParts(answerer.request, { code: 200, toTag: this.localTag, contact, product, sdp });
    this.#repeater?.stop();
    this.#repeater = new AnswerRepeater(
      clock,
      answerer.request.cseq.number,
      () => answerer.respond(parts),
      () => {
        this.#repeater = null;
        this.#happen({ type: 'ackTimeout' });
      },
    );
  }

  #happen(event: UsageEvent, context: Context = {}): void {
    const step = nextUsage(this.#usage, event);
    const changed = step.state !== this.#usage;
    this.#usage = step.state;
    for (const effect of step.effects) this.#perform(effect, context);
    if (changed) this.keep();
  }

  #perform(effect: UsageEffect, context: Context): void {
    const { response } = context;
    switch (effect.do) {
      case 'tellProgress':
        if (response) this.#delegate.onProgress(response.status, response.reason, sdpOf(response));
        return;
      case 'ack':
        this.#ackFirst();
        return;
      case 'tellAnswered':
        this.#ringTimer?.cancel();
        this.#delegate.onAnswered(response ? sdpOf(response) : null);
        return;
      case 'tellFailed':
        this.#ringTimer?.cancel();
        this.#delegate.onFailed(effect.code, effect.reason, (response && retryAfterMs(response)) ?? undefined);
        return;
      case 'cancel':
        this.#cancel();
        return;
      case 'abandon':
        this.#inviting?.abandon();
        return;
      case 'accept':
        this.#answerSdp = context.sdp ?? null;
        if (this.#parts.invite) this.#accept(this.#parts.invite);
        return;
      case 'refuse':
        this.#peer.answer(this.#parts.invite, effect.code, effect.reason, null);
        return;
      case 'bye':
        this.#stop();
        this.#peer.leave(this.#peer.dialog, () => this.#happen({ type: 'left' }));
        return;
      case 'tellAcked':
        this.#delegate.onAcked(context.sdp ?? null);
        return;
      case 'tellEnded':
        this.#delegate.onEnded(effect.by, effect.code);
        return;
      case 'forget':
        this.#stop();
        this.#host.forget(this);
        this.#delegate.onData(null);
        return;
      default:
        effect satisfies never;
    }
  }

  /** With a late offer the ACK waits for our answer, unless the call is given up. */
  #ackFirst(): void {
    const waits = this.#parts.order?.sdp === null && this.#usage.phase === 'up';
    if (waits || !this.#lateAck) return;
    const { response, request } = this.#lateAck;
    this.#lateAck = null;
    this.#peer.acknowledge(response, request, this.#peer.dialog, null);
    this.#offering.happen({ type: 'answered' });
  }

  #cancel(): void {
    this.#peer.said('CANCEL', null, null);
    const invite = recallRequest(this.#sent);
    if (this.#inviting) this.#inviting.cancel();
    else if (invite && this.#sent) this.#host.cancel(invite, this.#sent.flow);
    this.#ringTimer?.cancel();
    this.#ringTimer = this.#host.clock.after(LONG, () => this.#happen({ type: 'cancelTimeout' }));
  }

  #ringFor(ms: number): void {
    this.#ringUntil = this.#host.clock.now() + ms;
    this.#ringTimer = this.#host.clock.after(ms, () => this.#happen({ type: 'ringTimeout' }));
  }

  /** After a restart, for an INVITE of ours that nobody has said a word to: its transaction's own time-out. */
  #giveUpIn(ms: number): void {
    this.#ringUntil = this.#host.clock.now() + ms;
    const failure = { type: 'failure', code: 408, reason: reasonPhrase(408) } as const;
    this.#ringTimer = this.#host.clock.after(ms, () => this.#happen(failure));
  }

  /** Lets go of every timer and of an offer of theirs that waits (RFC 3261 §15.1.2). */
  #stop(): void {
    if (this.#lateAck) this.#ackAnyway(this.#lateAck);
    this.#ringTimer?.cancel();
    this.#offering.stop();
    this.#repeater?.stop();
    this.#repeater = null;
  }

  #ackAnyway(late: { readonly response: IncomingResponse; readonly request: SipRequest }): void {
    this.#lateAck = null;
    this.#peer.acknowledge(late.response, late.request, this.#peer.dialog, null);
  }
}
