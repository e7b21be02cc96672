/**
 * A SIP stack that does what a test says: it remembers what was asked of it, and the test speaks as
 * the far end through the delegates. No sockets, no transactions, no time.
 */
import type {
  SipCall,
  SipCallData,
  SipCallDelegate,
  SipCredentials,
  SipDial,
  SipInvitation,
  SipSource,
  SipUri,
  SipUserAgent,
  SipUserAgentDelegate,
} from '../../worker/sip/sip-call.ts';

export class ScriptedCall implements SipCall {
  readonly callId: string;
  state: SipCall['state'];
  /** The far end's mouth. */
  readonly delegate: SipCallDelegate;
  /** The order it was dialled with; null for inbound and restored calls. */
  readonly order: SipDial | null;
  /** What was asked of this call, oldest first: `ring 180`, `answer v=0`, `hangup` … */
  readonly asked: string[] = [];

  constructor(callId: string, state: SipCall['state'], delegate: SipCallDelegate, order: SipDial | null = null) {
    this.callId = callId;
    this.state = state;
    this.delegate = delegate;
    this.order = order;
  }

  ring(code: 180 | 183, sdp: string | null): void {
    this.asked.push(sdp === null ? `ring ${code}` : `ring ${code} ${sdp}`);
  }
  answer(sdp: string): void {
    this.state = 'up';
    this.asked.push(`answer ${sdp}`);
    this.delegate.onData({ dialog: this.callId });
  }
  reject(code: number, reason: string): void {
    this.#end(`reject ${code} ${reason}`);
  }
  hangup(): void {
    if (this.state !== 'ended') this.#end('hangup');
  }
  reoffer(sdp: string): void {
    this.asked.push(`reoffer ${sdp}`);
  }
  answerReoffer(sdp: string): void {
    this.asked.push(`answer-reoffer ${sdp}`);
  }
  refuseReoffer(code: number): void {
    this.asked.push(`refuse-reoffer ${code}`);
  }
  info(contentType: string, body: string): void {
    this.asked.push(`info ${contentType} ${body}`);
  }

  #end(what: string): void {
    this.state = 'ended';
    this.asked.push(what);
    this.delegate.onData(null);
  }
}

export interface InvitationScript {
  readonly to?: string;
  readonly from?: string;
  readonly displayName?: string;
  readonly address?: string;
  readonly sdp?: string | null;
  /** What comes back when credentials are asked for; without it nobody answers the challenge. */
  readonly credentials?: { readonly username: string; readonly password: string };
}

const uri = (user: string): SipUri => ({ user, host: 'gateway.example', port: null, parameters: {} });

export class ScriptedInvitation implements SipInvitation {
  readonly source: SipSource;
  readonly requestUri: SipUri;
  readonly from: SipInvitation['from'];
  readonly to: SipInvitation['to'];
  readonly callId: string;
  readonly sdp: string | null;
  /** How it was refused: code, reason and headers; null while it was not. */
  refused: { readonly code: number; readonly headers: Readonly<Record<string, string>> } | null = null;
  /** The realm of a challenge. */
  challenged: string | null = null;
  call: ScriptedCall | null = null;
  readonly #credentials: InvitationScript['credentials'];

  constructor(callId: string, script: InvitationScript) {
    this.callId = callId;
    this.source = { transport: 'udp', address: script.address ?? '127.0.0.1', port: 5090 };
    this.requestUri = uri(script.to ?? '15550100001');
    this.from = { uri: uri(script.from ?? '15550100002'), displayName: script.displayName ?? null };
    this.to = { uri: this.requestUri };
    this.sdp = script.sdp === undefined ? 'v=0 offer' : script.sdp;
    this.#credentials = script.credentials;
  }

  header(): readonly string[] {
    return [];
  }
  authenticate(realm: string, passwordOf: (username: string) => string | null): boolean {
    if (this.#credentials && passwordOf(this.#credentials.username) === this.#credentials.password) return true;
    this.challenged = realm;
    return false;
  }
  refuse(code: number, _reason: string, headers: Readonly<Record<string, string>> = {}): void {
    this.refused = { code, headers };
  }
  accept(delegate: SipCallDelegate): SipCall {
    this.call = new ScriptedCall(this.callId, 'invited', delegate);
    delegate.onData({ dialog: this.callId });
    return this.call;
  }
}

export class ScriptedSip implements SipUserAgent {
  readonly address = { host: '127.0.0.1', port: 5060 };
  readonly publicAddress = '127.0.0.1:5060';
  /** Calls dialled by the code under test, oldest first. */
  readonly dialled: ScriptedCall[] = [];
  readonly restored: {
    readonly data: SipCallData;
    readonly call: ScriptedCall;
    readonly credentials: SipCredentials | null;
  }[] = [];
  closed = false;
  #count = 0;

  begin(): void {}
  dial(order: SipDial, delegate: SipCallDelegate): SipCall {
    const call = new ScriptedCall(`out-${this.#count++}`, 'calling', delegate, order);
    this.dialled.push(call);
    delegate.onData({ dialog: call.callId });
    return call;
  }
  restore(data: SipCallData, delegate: SipCallDelegate, credentials: SipCredentials | null = null): SipCall {
    const call = new ScriptedCall(String(data['dialog']), 'up', delegate);
    this.restored.push({ data, call, credentials });
    return call;
  }
  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }

  /** A call from outside. */
  invite(to: SipUserAgentDelegate, script: InvitationScript = {}): ScriptedInvitation {
    const invitation = new ScriptedInvitation(`in-${this.#count++}`, script);
    to.onInvite(invitation);
    return invitation;
  }
}
