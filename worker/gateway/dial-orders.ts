/** A `dial` letter as INVITEs to send, one for each trunk that may take the call, in order of failover. */
import type { GatewayLetter } from '../../shared/domain/letter.ts';
import type { Trunk } from '../../shared/domain/trunk.ts';
import type { SipDial } from '../sip/sip-call.ts';
import { isSipAddress, transportOf, uriAt, userOf } from './address.ts';
import { chooseTrunks } from './trunks.ts';

export type DialLetter = Extract<GatewayLetter, { readonly kind: 'dial' }>;

const extraHeader = /^X-[\w-]{1,64}$/i;
/** A header value is one line of visible characters; anything else could smuggle in a header. */
const headerValue = /^[^\p{Cc}]{0,1024}$/u;

const extraHeaders = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).filter(([name, value]) => extraHeader.test(name) && headerValue.test(value)),
  );

/** The first code another trunk may do better than: it is out of order or did not answer at all. */
export const isTrunkFailure = (code: number): boolean => code === 408 || code === 503 || code === 500;

/**
 * The INVITEs of a `dial` letter. A SIP address without a trunk goes to its own host, anything else
 * to the trunks that match. Empty when no trunk does.
 *
 * @param ownHost `host:port` of this gateway, the domain of From.
 */
export function dialOrders(letter: DialLetter, trunks: readonly Trunk[], ownHost: string): readonly SipDial[] {
  const shared = {
    from: { uri: uriAt(letter.from, ownHost), displayName: letter.callerName },
    via: null,
    headers: extraHeaders(letter.headers),
    sdp: letter.sdp,
    ringTimeoutMs: letter.ringTimeoutMs,
  };
  if (letter.trunk === null && isSipAddress(letter.to)) {
    return [{ ...shared, uri: letter.to, transport: transportOf(letter.to), credentials: null }];
  }
  return chooseTrunks(trunks, letter.trunk, userOf(letter.to)).map((trunk) => ({
    ...shared,
    uri: uriAt(userOf(letter.to), trunk.host),
    transport: trunk.transport,
    credentials:
      trunk.username !== null && trunk.password !== null
        ? { username: trunk.username, password: trunk.password }
        : null,
  }));
}
