/**
 * A dialog as plain data and the rules of RFC 3261 §12 as functions on it. Nothing here keeps
 * anything; every function answers with new data. A dialog whose `remoteTag` is '' is a draft: our
 * INVITE is out and nobody has answered.
 */
import { type Address, formatAddress, parseAddress } from '../message/address.ts';
import { HeaderList } from '../message/headers.ts';
import type { IncomingRequest, IncomingResponse, SipRequest } from '../message/message.ts';
import { parseUri } from '../message/uri.ts';
import type { SipTransport } from '../sip-call.ts';
import type { Flow } from '../transaction/wire.ts';
import { isTranslated } from './nat.ts';

export interface Dialog {
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  /** From of our requests, without tag. */
  readonly local: string;
  /** To of our requests, without tag. */
  readonly remote: string;
  /** Their Contact's URI. */
  readonly remoteTarget: string;
  /** Our Contact header. */
  readonly contact: string;
  readonly routeSet: readonly string[];
  readonly localCSeq: number;
  /** Null until they have sent a request. */
  readonly remoteCSeq: number | null;
  readonly transport: SipTransport;
  /** Where their messages came from, or where our first one went. */
  readonly flow: Flow | null;
  /** Their first request came from another address than its Via has. */
  readonly translated: boolean;
}

export interface DraftOrder {
  readonly callId: string;
  readonly localTag: string;
  readonly from: { readonly uri: string; readonly displayName: string | null };
  readonly uri: string;
  readonly contact: string;
  readonly transport: SipTransport;
  readonly firstCSeq: number;
}

/** The state before our first INVITE. */
export function draftDialog(order: DraftOrder): Dialog {
  return {
    callId: order.callId,
    localTag: order.localTag,
    remoteTag: '',
    local: formatAddress(order.from.displayName, order.from.uri),
    remote: formatAddress(null, order.uri),
    remoteTarget: order.uri,
    contact: order.contact,
    routeSet: [],
    localCSeq: order.firstCSeq - 1,
    remoteCSeq: null,
    transport: order.transport,
    flow: null,
    translated: false,
  };
}

/** Their 1xx or 2xx with a tag makes a dialog of our draft (§12.1.2). */
export function dialogFromResponse(draft: Dialog, response: IncomingResponse): Dialog {
  const target = contactOf(response);
  return {
    ...draft,
    remoteTag: response.toTag ?? '',
    remoteTarget: target ?? draft.remoteTarget,
    routeSet: response.headers.list('record-route').reverse(),
    remoteCSeq: null,
  };
}

/** Their INVITE as a dialog with our tag (§12.1.1). */
export function dialogFromRequest(
  request: IncomingRequest,
  localTag: string,
  contact: string,
  source: Flow,
  firstCSeq: number,
): Dialog {
  return {
    callId: request.callId,
    localTag,
    remoteTag: request.fromTag ?? '',
    local: withoutTag(request.to),
    remote: withoutTag(request.from),
    remoteTarget: contactOf(request) ?? request.from.uri,
    contact,
    routeSet: request.headers.list('record-route'),
    localCSeq: firstCSeq - 1,
    remoteCSeq: request.cseq.number,
    transport: source.transport,
    flow: source,
    translated: isTranslated(request, source),
  };
}

function withoutTag(address: Address): string {
  let text = formatAddress(address.displayName, address.uri);
  for (const [name, value] of address.parameters) {
    if (name !== 'tag') text += value === '' ? `;${name}` : `;${name}=${value}`;
  }
  return text;
}

/** The URI of the first Contact; null when there is none we understand. */
export function contactOf(message: { readonly headers: HeaderList }): string | null {
  const [first] = message.headers.list('contact');
  const address = first === undefined || first === '*' ? null : parseAddress(first);
  return address?.uri ?? null;
}

export interface RequestParts {
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: string;
  readonly contentType?: string;
}

/** The next request within the dialog, and the dialog after it (§12.2.1.1). */
export function nextRequest(
  dialog: Dialog,
  method: string,
  parts: RequestParts = {},
): { readonly dialog: Dialog; readonly request: SipRequest } {
  const number = dialog.localCSeq + 1;
  return { dialog: { ...dialog, localCSeq: number }, request: requestWith(dialog, method, number, parts) };
}

/** The ACK of a 2xx: the INVITE's number, a transaction of its own (§13.2.2.4). */
export function ackRequest(dialog: Dialog, inviteNumber: number, parts: RequestParts = {}): SipRequest {
  return requestWith(dialog, 'ACK', inviteNumber, parts);
}

function requestWith(dialog: Dialog, method: string, number: number, parts: RequestParts): SipRequest {
  const { uri, routes } = requestRoute(dialog);
  const headers = HeaderList.of(
    ['max-forwards', '70'],
    ['from', `${dialog.local};tag=${dialog.localTag}`],
    ['to', dialog.remoteTag === '' ? dialog.remote : `${dialog.remote};tag=${dialog.remoteTag}`],
    ['call-id', dialog.callId],
    ['cseq', `${number} ${method}`],
  );
  for (const route of routes) headers.add('route', route);
  if (method === 'INVITE' || method === 'UPDATE') headers.add('contact', dialog.contact);
  for (const [name, value] of parts.headers ?? []) headers.add(name, value);
  const body = parts.body ?? '';
  if (body !== '') headers.add('content-type', parts.contentType ?? 'application/sdp');
  return { kind: 'request', method, uri, headers, body };
}

/** Request-URI and Route by the route set; a first route without `lr` is a strict router (§12.2.1.1). */
export function requestRoute(dialog: Pick<Dialog, 'routeSet' | 'remoteTarget'>): {
  readonly uri: string;
  readonly routes: readonly string[];
} {
  const [first, ...rest] = dialog.routeSet;
  const firstUri = first === undefined ? null : (parseAddress(first)?.uri ?? null);
  if (firstUri === null) return { uri: dialog.remoteTarget, routes: [] };
  if (isLoose(firstUri)) return { uri: dialog.remoteTarget, routes: dialog.routeSet };
  return { uri: firstUri, routes: [...rest, `<${dialog.remoteTarget}>`] };
}

/** The URI of the next hop: the first route, else the target. */
export function nextHopUri(dialog: Pick<Dialog, 'routeSet' | 'remoteTarget'>): string {
  const [first] = dialog.routeSet;
  const uri = first === undefined ? null : parseAddress(first)?.uri;
  return uri ?? dialog.remoteTarget;
}

function isLoose(uri: string): boolean {
  const parameters = parseUri(uri)?.parameters;
  return parameters !== undefined && Object.hasOwn(parameters, 'lr');
}

/** Takes note of a request of theirs; null when it is out of order (§12.2.2: 500). */
export function acceptRequest(dialog: Dialog, request: IncomingRequest): Dialog | null {
  if (dialog.remoteCSeq !== null && request.cseq.number < dialog.remoteCSeq) return null;
  const refreshes = request.method === 'INVITE' || request.method === 'UPDATE';
  const after = { ...dialog, remoteCSeq: request.cseq.number };
  return refreshes ? retarget(after, request) : after;
}

/** Target refresh by the Contact of a request or 2xx; without one nothing changes. */
export function retarget(dialog: Dialog, message: { readonly headers: HeaderList }): Dialog {
  const target = contactOf(message);
  return target === null || target === dialog.remoteTarget ? dialog : { ...dialog, remoteTarget: target };
}
