/**
 * Who may send us calls: sources in `SIP_ALLOW` without further question, others with the
 * credentials of a trunk (digest, RFC 3261 §22), and nobody else.
 */
import ipaddr from 'ipaddr.js';
import type { Trunk } from '../../shared/domain/trunk.ts';
import type { SipInvitation } from '../sip/sip-call.ts';
import { passwordOf } from './trunks.ts';

/** One range of addresses that may call. */
type Range = readonly [ipaddr.IPv4 | ipaddr.IPv6, number];

/** `SIP_ALLOW` holds something that is neither an address nor a range. */
export class AllowListError extends Error {
  override readonly name = 'AllowListError';
}

function readRange(text: string): Range {
  try {
    if (text.includes('/')) return ipaddr.parseCIDR(text);
    const address = ipaddr.parse(text);
    return [address, address.kind() === 'ipv4' ? 32 : 128];
  } catch {
    throw new AllowListError(`SIP_ALLOW: ${text} is not an address or a range such as 203.0.113.0/24`);
  }
}

export type Admission =
  | { readonly kind: 'admitted' }
  /** 401 went out; the caller will try again with credentials. */
  | { readonly kind: 'challenged' }
  | { readonly kind: 'refused' };

export class SourceGuard {
  readonly #ranges: readonly Range[];
  readonly #passwordOf: ((username: string) => string | null) | null;
  readonly #realm: string;

  /** @throws AllowListError */
  constructor(allow: readonly string[], trunks: readonly Trunk[], realm: string) {
    this.#ranges = allow.map(readRange);
    this.#passwordOf = trunks.some(({ username }) => username !== null) ? passwordOf(trunks) : null;
    this.#realm = realm;
  }

  admit(invitation: SipInvitation): Admission {
    if (this.#isAllowed(invitation.source.address)) return { kind: 'admitted' };
    if (!this.#passwordOf) return { kind: 'refused' };
    return invitation.authenticate(this.#realm, this.#passwordOf) ? { kind: 'admitted' } : { kind: 'challenged' };
  }

  #isAllowed(text: string): boolean {
    if (!ipaddr.isValid(text)) return false;
    // An IPv4 source of a dual-stack socket is spelt ::ffff:192.0.2.1.
    const address = ipaddr.process(text);
    return this.#ranges.some(([network, bits]) => {
      if (address.kind() === 'ipv4' && network.kind() === 'ipv4') return address.match(network, bits);
      return address.kind() === 'ipv6' && network.kind() === 'ipv6' && address.match(network, bits);
    });
  }
}
