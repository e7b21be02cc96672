/**
 * A SIP user agent as its two users see it: the gateway, which keeps its dialogs in Redis, and the
 * phones, which do not. RFC 3261 with early media, re-INVITE and UPDATE (RFC 3311), INFO (RFC 6086
 * without packages), digest (RFC 7616), `rport` (RFC 3581) and SRV (RFC 3263) behind it.
 * The implementation is `user-agent.ts`; it knows no SDP beyond "a body or none".
 */

export type SipTransport = 'udp' | 'tcp';

export interface SipUri {
  readonly user: string | null;
  readonly host: string;
  readonly port: number | null;
  readonly parameters: Readonly<Record<string, string>>;
}

/** Where a request came from, on the wire. */
export interface SipSource {
  readonly transport: SipTransport;
  readonly address: string;
  readonly port: number;
}

/** An incoming INVITE before anyone decided about it. */
export interface SipInvitation {
  readonly source: SipSource;
  readonly requestUri: SipUri;
  readonly from: { readonly uri: SipUri; readonly displayName: string | null };
  readonly to: { readonly uri: SipUri };
  readonly callId: string;
  /** The offer; null for a late offer. */
  readonly sdp: string | null;
  /** A header's values in order, name in any case. */
  header(name: string): readonly string[];
  /** Answers 401/407 when the request's credentials do not fit; true when they do (RFC 7616, MD5 and SHA-256). */
  authenticate(realm: string, passwordOf: (username: string) => string | null): boolean;
  /** Final refusal; there is no call. Given within `onInvite` it is kept nowhere and not sent again by itself. */
  refuse(code: number, reason: string, headers?: Readonly<Record<string, string>>): void;
  /** Takes the call; 100 is sent, at the latest when `onInvite` has returned. */
  accept(delegate: SipCallDelegate): SipCall;
}

export interface SipCallDelegate {
  /** 101–199 of our INVITE; `sdp` is early media. */
  onProgress(code: number, reason: string, sdp: string | null): void;
  /** 2xx of our INVITE. With a late offer `sdp` is theirs: answer it with `SipCall.answer`. */
  onAnswered(sdp: string | null): void;
  /**
   * Our INVITE failed: final answer of the far end, 408 for no answer at all, 503 when nobody could be
   * reached, 487 after our cancel. `retryAfterMs` is what the answer asked us to wait, when it did.
   */
  onFailed(code: number, reason: string, retryAfterMs?: number): void;
  /** Our 2xx was acknowledged. */
  onAcked(sdp: string | null): void;
  /** Over: BYE of theirs, CANCEL of theirs, or the dialog died (no ACK, 408/481 to a request). Not told after our own `hangup`. */
  onEnded(by: 'bye' | 'cancel' | 'lost', code: number | null): void;
  /** Their re-INVITE or UPDATE; must be answered with `answerReoffer` or `refuseReoffer`. `sdp` null: they ask us to offer. */
  onReoffer(sdp: string | null): void;
  /** Theirs is over before we decided: cancelled, or nobody waits for us any longer. There is nothing left to answer. */
  onReofferOver(): void;
  /** Our re-INVITE was answered. */
  onReanswered(sdp: string | null): void;
  onReofferFailed(code: number, reason: string): void;
  onInfo(contentType: string, body: string): void;
  /** The dialog changed: plain data worth keeping. `null` when it is gone. */
  onData(data: SipCallData | null): void;
  /** Each message of this call, for the timeline: not for decisions. */
  onMessage?(
    way: 'in' | 'out',
    summary: { readonly method: string; readonly code: number | null; readonly reason: string | null },
  ): void;
}

/** A call's signalling state as JSON; only the SIP stack looks inside. */
export type SipCallData = Readonly<Record<string, unknown>>;

export interface SipCredentials {
  readonly username: string;
  readonly password: string;
}

export interface SipDial {
  /** Request URI and To, e.g. `sip:+15550100001@carrier.example`. */
  readonly uri: string;
  readonly from: { readonly uri: string; readonly displayName: string | null };
  /** Where to send it when not where the URI points (outbound proxy, loose route): `host` or `host:port`. */
  readonly via: string | null;
  readonly transport: SipTransport;
  readonly credentials: SipCredentials | null;
  readonly headers: Readonly<Record<string, string>>;
  /** null for a late offer: then the 2xx carries theirs and `SipCall.answer` gives ours for the ACK. */
  readonly sdp: string | null;
  /** CANCEL and fail with 408 when unanswered for this long. */
  readonly ringTimeoutMs: number;
}

export interface SipCall {
  readonly callId: string;
  readonly state: 'calling' | 'ringing' | 'invited' | 'up' | 'ended';
  /** Inbound: 18x, with early media when `sdp` is given. */
  ring(code: 180 | 183, sdp: string | null): void;
  /**
   * Inbound: 200; with an offer in the INVITE `sdp` is the answer, else the offer.
   * Outbound with a late offer, after `onAnswered`: the ACK, with the answer.
   */
  answer(sdp: string): void;
  /** Inbound: a final refusal. */
  reject(code: number, reason: string): void;
  /** CANCEL, BYE or 487, whatever the state asks for. Idempotent. */
  hangup(reason?: string): void;
  /** Our re-INVITE; one at a time, later ones wait; 491 is retried after the time RFC 3261 §14.1 sets. */
  reoffer(sdp: string): void;
  answerReoffer(sdp: string): void;
  refuseReoffer(code: number, reason: string): void;
  info(contentType: string, body: string): void;
}

export interface SipUserAgentDelegate {
  /** A new call from outside. Decide within 32 s; refuse strangers before it returns, or they can fill our memory. */
  onInvite(invitation: SipInvitation): void;
  /** Something arrived that is not SIP, or broken; counted, logged sparsely. */
  onMalformed?(source: SipSource, problem: string): void;
}

export interface SipUserAgent {
  /** Bound addresses; the port is the real one when 0 was asked for. */
  readonly address: { readonly host: string; readonly port: number };
  /** `host:port` as Contact and Via say it: how others reach us. */
  readonly publicAddress: string;
  /** One that was opened to wait takes what has arrived, and everything from then on. */
  begin(): void;
  dial(order: SipDial, delegate: SipCallDelegate): SipCall;
  /**
   * Takes up a call again from its data, after a restart. Credentials are not in the data: they come
   * from the trunk's settings again. Throws when the data is not ours.
   */
  restore(data: SipCallData, delegate: SipCallDelegate, credentials?: SipCredentials | null): SipCall;
  /** Closes the sockets after the last transactions are done or `withinMs` has passed. Calls are not hung up. */
  close(withinMs: number): Promise<void>;
}

export interface SipUserAgentOptions {
  /** Address to bind UDP and TCP to; one port for both. */
  readonly host: string;
  readonly port: number;
  /** What Contact and Via say, when not the bound address. */
  readonly publicAddress: string | null;
  /** The `User-Agent` and `Server` header. */
  readonly product: string;
}
