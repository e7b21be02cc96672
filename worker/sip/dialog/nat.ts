/**
 * Whether the far party sits behind a NAT that its Contact says nothing of: then nobody reaches that address
 * from outside, and requests within the dialog go back the way theirs came (as RFC 3581 has it for responses).
 */
import { BlockList, isIP, isIPv4 } from 'node:net';
import type { IncomingRequest } from '../message/message.ts';
import { parseUri } from '../message/uri.ts';
import type { Flow } from '../transaction/wire.ts';
import type { Dialog } from './dialog.ts';

/** RFC 1918, RFC 6598, loopback and link-local, and IPv6's of the same kinds. */
const PRIVATE = new BlockList();
const RANGES = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16'];
for (const range of [...RANGES, '::1/128', 'fc00::/7', 'fe80::/10']) {
  const [network = '', bits] = range.split('/');
  PRIVATE.addSubnet(network, Number(bits), isIPv4(network) ? 'ipv4' : 'ipv6');
}

const isPrivate = (address: string): boolean => PRIVATE.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');

/** Whether the sender took another address for its own than it came from. A name says nothing of that. */
export function isTranslated({ via }: Pick<IncomingRequest, 'via'>, source: Flow): boolean {
  return isIPv4(via.host) && via.host !== source.address;
}

/** Proxies in a route set know their way; a name is looked up; an address the messages came from is right. */
export function isBehindNat(dialog: Pick<Dialog, 'routeSet' | 'remoteTarget' | 'flow' | 'translated'>): boolean {
  const { routeSet, remoteTarget, flow, translated } = dialog;
  const contact = parseUri(remoteTarget)?.host ?? '';
  if (!flow || routeSet.length > 0 || isIP(contact) === 0 || contact === flow.address) return false;
  return translated || (isPrivate(contact) && !isPrivate(flow.address));
}
