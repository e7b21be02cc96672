/**
 * Their INVITE while nobody has decided about it. Refused at once it has cost no transaction; what waits has
 * one, may be cancelled, and is refused after 32 s (480).
 */
import type { Timer } from '../../../shared/kernel/clock.ts';
import { dialogFromRequest } from '../dialog/dialog.ts';
import type { DigestServer } from '../digest.ts';
import { type IncomingRequest, sdpOf } from '../message/message.ts';
import { innerName } from '../message/names.ts';
import { reasonPhrase } from '../message/respond.ts';
import { parseUri } from '../message/uri.ts';
import type { SipCall, SipCallDelegate, SipInvitation, SipSource, SipUri } from '../sip-call.ts';
import type { Arrival } from '../transaction/layer.ts';
import type { ServerTransaction } from '../transaction/server-transaction.ts';
import type { Header } from './abilities.ts';
import { Authorisation } from './authorisation.ts';
import { Call } from './call.ts';
import type { CallHost } from './host.ts';

const DECIDE_MS = 32_000;

export class Invitation implements SipInvitation {
  readonly source: SipSource;
  readonly requestUri: SipUri;
  readonly from: { readonly uri: SipUri; readonly displayName: string | null };
  readonly to: { readonly uri: SipUri };
  readonly callId: string;
  readonly sdp: string | null;
  readonly #request: IncomingRequest;
  readonly #arrival: Arrival;
  #transaction: ServerTransaction | null = null;
  readonly #host: CallHost;
  readonly #digest: DigestServer;
  readonly #tag: string;
  #timer: Timer | null = null;
  #state: 'open' | 'cancelled' | 'decided' = 'open';

  constructor(arrival: Arrival, host: CallHost, digest: DigestServer) {
    const { request } = arrival;
    this.#request = request;
    this.#arrival = arrival;
    this.#host = host;
    this.#digest = digest;
    this.#tag = host.newTag();
    this.source = arrival.source;
    this.requestUri = portUri(request.uri);
    this.from = { uri: portUri(request.from.uri), displayName: request.from.displayName };
    this.to = { uri: portUri(request.to.uri) };
    this.callId = request.callId;
    this.sdp = sdpOf(request);
  }

  /** Whoever was asked has returned; without a decision, it takes time. */
  wait(): void {
    if (this.#state !== 'open') return;
    this.#take().user = { onCancel: () => this.#cancelled() };
    this.#timer = this.#host.clock.after(DECIDE_MS, () => this.refuse(480, reasonPhrase(480)));
  }

  header(name: string): readonly string[] {
    return this.#request.headers.all(innerName(name) ?? name.toLowerCase());
  }

  authenticate(realm: string, passwordOf: (username: string) => string | null): boolean {
    const values = this.#request.headers.all('authorization');
    const verdict = this.#digest.verify(values, realm, this.#request.method, passwordOf);
    if (verdict === 'good') return true;
    const challenges = this.#digest.challenge(realm, verdict === 'stale');
    this.#refuse(
      401,
      reasonPhrase(401),
      challenges.map((value) => ['www-authenticate', value] as const),
    );
    return false;
  }

  refuse(code: number, reason: string, headers: Readonly<Record<string, string>> = {}): void {
    this.#refuse(
      code,
      reason,
      Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const),
    );
  }

  accept(delegate: SipCallDelegate): SipCall {
    const host = this.#host;
    const contact = host.contact(this.requestUri.user, this.source.transport);
    const firstCSeq = 1 + Math.floor(host.random() * 10_000);
    const dialog = dialogFromRequest(this.#request, this.#tag, contact, this.source, firstCSeq);
    const parts = { host, delegate, role: 'callee', dialog, authorisation: new Authorisation(null) } as const;
    if (this.#state !== 'open') {
      const late = new Call({ ...parts, invite: null, order: null }, { phase: 'ended' });
      if (this.#state === 'cancelled') queueMicrotask(() => delegate.onEnded('cancel', null));
      return late;
    }
    this.#decide();
    const invite = this.#take();
    const call = new Call({ ...parts, invite, order: null }, { phase: 'invited' });
    invite.user = { onCancel: () => call.cancelled() };
    host.enrol(call);
    delegate.onMessage?.('in', { method: 'INVITE', code: null, reason: null });
    call.keep();
    return call;
  }

  #refuse(code: number, reason: string, headers: readonly Header[]): void {
    if (this.#state !== 'open') return;
    this.#decide();
    const server: Header = ['server', this.#host.product];
    const parts = { code, reason, headers: [server, ...headers] };
    if (this.#transaction) this.#transaction.respond({ ...parts, toTag: this.#tag });
    else this.#arrival.reply(parts);
  }

  #take(): ServerTransaction {
    if (this.#transaction) return this.#transaction;
    this.#transaction = this.#arrival.open();
    this.#transaction.respond({ code: 100, toTag: null });
    return this.#transaction;
  }

  #cancelled(): void {
    this.#refuse(487, reasonPhrase(487), []);
    this.#state = 'cancelled';
  }

  #decide(): void {
    this.#state = 'decided';
    this.#timer?.cancel();
  }
}

/** A URI as the users of the stack see it; what is no URI of ours has only a host, its text. */
function portUri(text: string): SipUri {
  const parsed = parseUri(text);
  if (!parsed) return { user: null, host: text, port: null, parameters: {} };
  const { user, host, port, parameters } = parsed;
  return { user, host, port, parameters };
}
