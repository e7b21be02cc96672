/**
 * Telephone numbers and SIP addresses, and how one becomes the other (RFC 3261 §19.1, E.164).
 * Numbers are shown and stored with `+`; carriers send them with or without.
 */
import type { SipUri } from '../sip/sip-call.ts';

const digitsOnly = /^\+?\d{1,15}$/;
/** Dividers people and carriers write into numbers (RFC 3966 §3 visual separators). */
const dividers = /[\s().-]/g;
/** Fewer digits than this is an extension or a short code, which has no `+`. */
const SHORTEST_E164 = 7;

/** The user part without URI escapes and without parameters (`+1555;phone-context=…`). */
function plainUser(uri: SipUri): string {
  const user = (uri.user ?? '').split(';')[0] ?? '';
  try {
    return decodeURIComponent(user);
  } catch {
    return user;
  }
}

/** The party of a URI: a number with `+` when it is one, else the user, else the host. */
export function partyOf(uri: SipUri): string {
  const user = plainUser(uri);
  if (user === '') return uri.host;
  const digits = user.replace(dividers, '');
  if (!digitsOnly.test(digits)) return user.slice(0, 128);
  return digits.startsWith('+') || digits.length < SHORTEST_E164 ? digits : `+${digits}`;
}

/** Under which names the called number may be kept, best first; `*` is the default number. */
export function numberCandidates(uri: SipUri): readonly string[] {
  const user = plainUser(uri);
  const digits = user.replace(dividers, '');
  const names = digitsOnly.test(digits)
    ? [partyOf(uri), digits, digits.startsWith('+') ? digits.slice(1) : `+${digits}`]
    : [user];
  return [...new Set([...names.filter((name) => name !== ''), '*'])];
}

/** A user part as a URI may carry it: everything outside RFC 3261's `user-unreserved` is escaped. */
const escapeUser = (user: string): string =>
  encodeURIComponent(user).replace(/%(2B|26|3D|24|2C|3F|2F)/g, (escaped) => decodeURIComponent(escaped));

export const isSipAddress = (text: string): boolean => /^sips?:/i.test(text);

/** `to` or `from` as a SIP URI at `host`; a SIP URI is left as it is. */
export function uriAt(party: string, host: string): string {
  if (isSipAddress(party)) return party;
  const bare = party.replace(dividers, '');
  return `sip:${escapeUser(digitsOnly.test(bare) ? bare : party)}@${host}`;
}

/** The user part of a SIP address; a number is its own. */
export const userOf = (party: string): string =>
  isSipAddress(party) ? (/^sips?:([^@;>]+)@/i.exec(party)?.[1] ?? '') : party;

/** The transport a SIP address asks for; UDP when it does not say. */
export const transportOf = (address: string): 'udp' | 'tcp' => (/;transport=tcp\b/i.test(address) ? 'tcp' : 'udp');
