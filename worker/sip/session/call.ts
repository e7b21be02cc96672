/**
 * One call: performs what the machine of the usage decides, takes the requests of its dialog, and tells
 * the delegate. Our first INVITE, our 2xx to theirs and the later offers are parts of it, a file each.
 * Made by the user agent (`dialled`, `invited`) and forgotten by it when the usage has ended.
 */
import { acceptRequest, ackRequest } from '../dialog/dialog.ts';
import { type IncomingRequest, type IncomingResponse, retryAfterMs, sdpOf } from '../message/message.ts';
import type { SipCall, SipCallData, SipCallDelegate } from '../sip-call.ts';
import type { ServerTransaction } from '../transaction/server-transaction.ts';
import type { Flow } from '../transaction/wire.ts';
import { ABILITIES, refusal } from './abilities.ts';
import { Acceptance } from './acceptance.ts';
import { type KeptCall, keepRequest, toCallData } from './data.ts';
import { type CallParts, DialogPeer } from './dialog-peer.ts';
import type { CallHost } from './host.ts';
import { Inviting } from './inviting.ts';
import { Offering } from './offering.ts';
import { firstOffer, type Offers } from './offers.ts';
import { nextUsage, stateOf, type Usage, type UsageEffect, type UsageEvent } from './usage.ts';

/** What an event came with, for its effects. */
interface Context {
  readonly response?: IncomingResponse | undefined;
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
  readonly #inviting: Inviting;
  readonly #acceptance: Acceptance;
  /** The body of our 2xx. */
  #answerSdp: string | null = null;

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
    this.#inviting = new Inviting(parts, this.#peer, {
      isCalling: () => this.#isCalling,
      happen: (event, response) => this.#happen(event, { response }),
    });
    this.#acceptance = new Acceptance(parts.host, this.#peer, () => this.#happen({ type: 'ackTimeout' }));
    this.#offering = new Offering(parts, this.#peer, offers, {
      state: () => this.state,
      answerAndRepeat: (answerer, sdp) => this.#acceptance.accept(answerer, sdp),
      onTarget: () => this.keep(),
      onLost: (code) => this.#happen({ type: 'lost', code }),
    });
  }

  /** Where their first request came from. */
  get flow(): Flow | null {
    return this.#peer.dialog.flow;
  }

  get state(): SipCall['state'] {
    return stateOf(this.#usage);
  }

  /** Our first INVITE has no final answer. */
  get #isCalling(): boolean {
    return this.state === 'calling' || this.state === 'ringing';
  }

  /** Sends the first INVITE. */
  begin(ringTimeoutMs: number): void {
    this.#inviting.send(ringTimeoutMs);
    this.keep();
  }

  /** Takes up where the data says it stood. */
  resume(kept: KeptCall): void {
    this.#answerSdp = kept.answer;
    const { phase } = kept.usage;
    switch (phase) {
      case 'calling':
      case 'trying':
      case 'ringing':
      case 'cancelling':
        this.#inviting.resume(phase, kept);
        return;
      case 'answered':
        this.#accept();
        return;
      case 'leaving':
        this.#peer.leave(this.#peer.dialog, () => this.#happen({ type: 'left' }));
        return;
      case 'invited':
      case 'up':
      case 'ended':
        return;
      default:
        phase satisfies never;
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
    const source = this.#peer.dialog.flow;
    return toCallData({
      version: 1,
      role,
      usage: this.#usage,
      dialog: { ...this.#peer.dialog, routeSet: [...this.#peer.dialog.routeSet] },
      invite: unanswered && invite && source ? keepRequest(invite.request, source) : null,
      answer: phase === 'answered' ? this.#answerSdp : null,
      lateOffer: order?.sdp === null,
      ...(this.#isCalling ? this.#inviting.data() : { sent: null, ringUntil: null }),
    });
  }

  ring(code: 180 | 183, sdp: string | null): void {
    if (this.#usage.phase === 'invited') this.#peer.answer(this.#parts.invite, code, undefined, sdp);
  }

  answer(sdp: string): void {
    if (this.#inviting.acknowledge(sdp)) this.#offering.happen({ type: 'answered' });
    else this.#happen({ type: 'answer' }, { sdp });
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
    this.#inviting.stopWaiting();
    this.#offering.ownerClosed();
    this.#acceptance.stop();
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
    if (this.#usage.phase === 'answered') this.#accept();
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
    if (this.state === 'up') this.#receiveLateSuccess(response);
    else this.#inviting.receiveStray(response);
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
    if (!this.#acceptance.acked(request.cseq.number)) return;
    this.#peer.heard('ACK', null, null);
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
    const early = this.#isCalling;
    this.#peer.reply(transaction, { code: early ? 481 : 200 });
    if (!early) this.#happen({ type: 'bye' });
  }

  /** Of requests whose only interest is whether the dialog still lives. */
  readonly #watch = {
    onResponse: (response: IncomingResponse): void => {
      this.#peer.heard(response.cseq.method, response.status, response.reason);
      if (response.status === 408 || response.status === 481) this.#happen({ type: 'lost', code: response.status });
    },
    onNoAnswer: (code: 408 | 503): void => this.#happen({ type: 'lost', code }),
  };

  #accept(): void {
    const { invite } = this.#parts;
    if (invite) this.#acceptance.accept(invite, this.#answerSdp);
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
        this.#acknowledge();
        return;
      case 'tellAnswered':
        this.#inviting.stopWaiting();
        this.#delegate.onAnswered(response ? sdpOf(response) : null);
        return;
      case 'tellFailed':
        this.#inviting.stopWaiting();
        this.#delegate.onFailed(effect.code, effect.reason, (response && retryAfterMs(response)) ?? undefined);
        return;
      case 'stopTrying':
        this.#inviting.stopTrying();
        return;
      case 'cancel':
        this.#inviting.cancel();
        return;
      case 'abandon':
        this.#inviting.abandon();
        return;
      case 'accept':
        this.#answerSdp = context.sdp ?? null;
        this.#accept();
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
  #acknowledge(): void {
    const waits = this.#parts.order?.sdp === null && this.#usage.phase === 'up';
    if (!waits && this.#inviting.acknowledge(null)) this.#offering.happen({ type: 'answered' });
  }

  /** Lets go of every timer and of an offer of theirs that waits (RFC 3261 §15.1.2). */
  #stop(): void {
    this.#inviting.stop();
    this.#offering.stop();
    this.#acceptance.stop();
  }
}
