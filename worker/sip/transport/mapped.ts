/**
 * An IPv4 address on a socket that speaks both families is spelt `::ffff:192.0.2.1` (RFC 4291 §2.5.5.2);
 * everywhere above the sockets it is spelt as itself.
 */
import { isIPv4 } from 'node:net';

const PREFIX = '::ffff:';

/** As the socket spells it, as everyone else does. */
export function plain(address: string): string {
  const rest = address.slice(PREFIX.length);
  return address.startsWith(PREFIX) && isIPv4(rest) ? rest : address;
}

/** As a socket of IPv6 wants it. */
export const mapped = (address: string): string => (isIPv4(address) ? PREFIX + address : address);
