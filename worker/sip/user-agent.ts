/**
 * The SIP user agent: transport, transactions and calls put together (RFC 3261). Opened by the
 * gateway and by each phone, closed by whoever opened it.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../shared/kernel/clock.ts';
import type { Logger } from '../../shared/kernel/log.ts';
import { draftDialog } from './dialog/dialog.ts';
import { DigestServer } from './digest.ts';
import type { IncomingMessage, IncomingRequest, IncomingResponse } from './message/message.ts';
import { escapeUser, parseUri } from './message/uri.ts';
import { ABILITIES, type Header, refusal } from './session/abilities.ts';
import type { Answerer } from './session/answering.ts';
import { Authorisation } from './session/authorisation.ts';
import { Call } from './session/call.ts';
import { fromCallData, recallRequest } from './session/data.ts';
import { HeldFlows } from './session/held-flows.ts';
import type { CallHost } from './session/host.ts';
import { Invitation } from './session/invitation.ts';
import { NO_OFFER } from './session/offers.ts';
import { RequestSender } from './session/sender.ts';
import type {
  SipCall,
  SipCallData,
  SipCallDelegate,
  SipCredentials,
  SipDial,
  SipTransport,
  SipUserAgent,
  SipUserAgentDelegate,
  SipUserAgentOptions,
} from './sip-call.ts';
import { type Arrival, type LayerCounts, TransactionLayer } from './transaction/layer.ts';
import type { Flow, Wire } from './transaction/wire.ts';
import { Network } from './transport/network.ts';
import { type NameService, Resolver, systemNames } from './transport/resolve.ts';

/** What goes beyond is answered 503. */
const LIMITS = { transactions: 20_000, reserved: 5_000 };
/** Messages that wait for `begin`; UDP sends what is dropped again. */
const MAX_EARLY = 2000;
/** How often `close` looks whether the last transactions are done. */
const CLOSE_STEP_MS = 20;

export interface SipCounts extends LayerCounts {
  readonly calls: number;
  readonly connections: number;
  /** Since the start. */
  readonly malformed: number;
}

/** What the user agent needs of the network below it; a test gives one without sockets. */
export interface AgentNetwork extends Wire {
  readonly host: string;
  readonly port: number;
  readonly connections: number;
  connected(flow: Flow): boolean;
  start(user: {
    onMessage(message: IncomingMessage, source: Flow): void;
    onMalformed(source: Flow, problem: string): void;
    isHeld?(flow: Flow): boolean;
  }): void;
  close(): Promise<void>;
}

export interface AgentExtras {
  readonly names?: NameService;
  readonly random?: () => number;
  /** What arrives waits until `begin`, as long as there is room: calls are to be restored before they are spoken to. */
  readonly waits?: boolean;
}

/** Binds UDP and TCP and takes calls from then on; rejects when the port is taken. */
export async function openUserAgent(
  options: SipUserAgentOptions,
  delegate: SipUserAgentDelegate,
  clock: Clock,
  log: Logger,
  extras: AgentExtras = {},
): Promise<UserAgent> {
  const network = await Network.open(options, clock, log);
  return new UserAgent(network, options.product, delegate, clock, log, extras);
}

export class UserAgent implements SipUserAgent {
  readonly address: { readonly host: string; readonly port: number };
  readonly publicAddress: string;
  readonly #network: AgentNetwork;
  readonly #layer: TransactionLayer;
  readonly #delegate: SipUserAgentDelegate;
  readonly #clock: Clock;
  readonly #digest: DigestServer;
  readonly #host: CallHost;
  readonly #calls = new Map<string, Call>();
  readonly #held = new HeldFlows();
  /** Calls of the time before a restart that were not answered then, by Call-ID. */
  readonly #unanswered = new Map<string, Call>();
  /** What arrived before `begin`; null after it. */
  #early: (() => void)[] | null;
  #malformed = 0;
  #closing: Promise<void> | null = null;

  constructor(
    network: AgentNetwork,
    product: string,
    delegate: SipUserAgentDelegate,
    clock: Clock,
    log: Logger,
    extras: AgentExtras = {},
  ) {
    this.#network = network;
    this.#early = extras.waits === true ? [] : null;
    this.#delegate = delegate;
    this.#clock = clock;
    this.address = { host: network.host, port: network.port };
    this.publicAddress = network.sentBy;
    this.#digest = new DigestServer(clock);
    this.#layer = new TransactionLayer(
      network,
      clock,
      {
        onRequest: (arrival) => this.#onRequest(arrival),
        isOurs: (request) => this.#callOf(request) !== undefined || this.#unansweredOf(request) !== null,
        onAck: (request) => this.#callOf(request)?.receiveAck(request),
        onOrphanCancel: (request) => this.#onOrphanCancel(request),
        onStray: (response) => this.#onStray(response),
      },
      LIMITS,
    );
    const random = extras.random ?? Math.random;
    const resolver = new Resolver(extras.names ?? systemNames, clock, random);
    this.#host = this.#makeHost(product, log, random, new RequestSender(this.#layer, network, resolver));
    network.start({
      onMessage: (message, source) => {
        if (this.#early === null) this.#layer.receive(message, source);
        else if (this.#early.length < MAX_EARLY) this.#early.push(() => this.#layer.receive(message, source));
      },
      onMalformed: (source, problem) => {
        this.#malformed++;
        this.#delegate.onMalformed?.(source, problem);
      },
      isHeld: (flow) => this.#held.has(flow),
    });
  }

  begin(): void {
    const early = this.#early ?? [];
    this.#early = null;
    for (const receive of early) receive();
  }

  /** For metrics. */
  get counts(): SipCounts {
    const { connections } = this.#network;
    return { ...this.#layer.counts, calls: this.#calls.size, connections, malformed: this.#malformed };
  }

  dial(order: SipDial, delegate: SipCallDelegate): SipCall {
    const host = this.#host;
    const dialog = draftDialog({
      callId: host.newCallId(),
      localTag: host.newTag(),
      from: order.from,
      uri: order.uri,
      contact: host.contact(parseUri(order.from.uri)?.user ?? null, order.transport),
      transport: order.transport,
      firstCSeq: 1 + Math.floor(host.random() * 10_000),
    });
    const headers = Object.entries(order.headers).map(([name, value]) => [name.toLowerCase(), value] as const);
    const authorisation = new Authorisation(order.credentials);
    const invite = { via: order.via, headers, sdp: order.sdp };
    const call = new Call(
      { host, delegate, role: 'caller', dialog, authorisation, invite: null, order: invite },
      { phase: 'calling' },
    );
    host.enrol(call);
    call.begin(order.ringTimeoutMs);
    return call;
  }

  restore(data: SipCallData, delegate: SipCallDelegate, credentials: SipCredentials | null = null): SipCall {
    const kept = fromCallData(data);
    const host = this.#host;
    const request = recallRequest(kept.invite);
    const source = kept.invite?.flow;
    const invite = request && source ? this.#statelessAnswerer(request, source) : null;
    const order = kept.role === 'caller' ? { via: null, headers: [], sdp: kept.lateOffer ? null : '' } : null;
    const { role, dialog } = kept;
    const parts = { host, delegate, role, dialog, authorisation: new Authorisation(credentials), invite, order };
    const settled = kept.usage.phase === 'up' || kept.usage.phase === 'leaving';
    const call = new Call(parts, kept.usage, settled ? NO_OFFER : undefined);
    host.enrol(call);
    if (invite) this.#unanswered.set(call.callId, call);
    call.resume(kept);
    return call;
  }

  /** Answers an INVITE whose transaction a restart took away. */
  #statelessAnswerer(request: IncomingRequest, source: Flow): Answerer {
    return { request, respond: (parts) => this.#layer.reply(request, source, parts) };
  }

  close(withinMs: number): Promise<void> {
    this.#closing ??= this.#close(withinMs);
    return this.#closing;
  }

  async #close(withinMs: number): Promise<void> {
    const until = this.#clock.monotonic() + withinMs;
    while (!this.#layer.quiet && this.#clock.monotonic() < until) {
      await new Promise<void>((resolve) => this.#clock.after(CLOSE_STEP_MS, resolve));
    }
    for (const call of this.#calls.values()) call.ownerClosed();
    this.#calls.clear();
    this.#layer.close();
    await this.#network.close();
  }

  #makeHost(product: string, log: Logger, random: () => number, sender: RequestSender): CallHost {
    const { sentBy } = this.#network;
    return {
      clock: this.#clock,
      log,
      sender,
      product,
      random,
      newTag: () => randomBytes(8).toString('hex'),
      newCallId: () => randomBytes(16).toString('hex'),
      contact: (user: string | null, transport: SipTransport) => {
        const who = user === null || user === '' ? '' : `${escapeUser(user)}@`;
        return `<sip:${who}${sentBy}${transport === 'tcp' ? ';transport=tcp' : ''}>`;
      },
      cancel: (invite, target) => this.#layer.cancel(invite, target),
      acknowledge: (invite, response, target) => this.#layer.acknowledge(invite, response, target),
      enrol: (call) => {
        this.#calls.set(callKey(call.callId, call.localTag), call);
        this.#held.add(call.flow);
      },
      forget: (call) => {
        if (this.#calls.delete(callKey(call.callId, call.localTag))) this.#held.remove(call.flow);
        if (this.#unanswered.get(call.callId) === call) this.#unanswered.delete(call.callId);
      },
    };
  }

  #callOf(request: IncomingRequest): Call | undefined {
    return this.#calls.get(callKey(request.callId, request.toTag ?? ''));
  }

  /** Of the time before a restart, when this is its INVITE sent again. */
  #unansweredOf(request: IncomingRequest): Call | null {
    const call = this.#unanswered.get(request.callId);
    return request.toTag === null && call?.waitsFor(request) ? call : null;
  }

  #onRequest(arrival: Arrival): void {
    const { request } = arrival;
    const call = this.#callOf(request);
    const general = call ? null : refusal(request);
    if (call) call.receive(request, arrival.open());
    else if (general) arrival.reply(general);
    else if (request.toTag !== null) arrival.reply({ code: 481 });
    else if (request.method === 'INVITE') this.#onInvite(arrival);
    else if (request.method === 'OPTIONS') arrival.reply({ code: 200, headers: this.#abilities });
    else arrival.reply({ code: 481 });
  }

  get #abilities(): readonly Header[] {
    return [...ABILITIES, ['server', this.#host.product]];
  }

  #onInvite(arrival: Arrival): void {
    const known = this.#unansweredOf(arrival.request);
    if (known) {
      const transaction = arrival.open();
      transaction.respond({ code: 100, toTag: null });
      known.invitedAgain(transaction);
      return;
    }
    if (!arrival.request.headers.has('contact')) {
      arrival.reply({ code: 400, reason: 'Contact is missing' });
      return;
    }
    const invitation = new Invitation(arrival, this.#host, this.#digest);
    this.#delegate.onInvite(invitation);
    invitation.wait();
  }

  /** After a restart, the answer to an INVITE of before; anything else is nonsense and is not answered. */
  #onStray(response: IncomingResponse): void {
    if (response.cseq.method !== 'INVITE') return;
    this.#calls.get(callKey(response.callId, response.fromTag ?? ''))?.receiveStray(response);
  }

  /** Rare, hence a search: a CANCEL carries no tag of ours. */
  #onOrphanCancel(request: IncomingRequest): boolean {
    for (const call of this.#calls.values()) {
      if (!call.waitsFor(request)) continue;
      queueMicrotask(() => call.cancelled());
      return true;
    }
    return false;
  }
}

const callKey = (callId: string, localTag: string): string => `${callId}|${localTag}`;
