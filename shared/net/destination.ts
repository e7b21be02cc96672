/**
 * Where requests to other people's addresses may go: webhooks, documents, audio files and WebSockets.
 * Private, loopback, link-local and other special addresses are refused unless allowed by setting.
 * The check is made on the very address that is connected to, so a name cannot change its mind
 * between check and connect (DNS rebinding).
 */
import dns from 'node:dns';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { withDeadline } from '../kernel/deadline.ts';

/** An expected failure: the address is not one we connect to. `host` carries no credentials. */
export class DestinationForbidden extends Error {
  override readonly name = 'DestinationForbidden';
  readonly code = 'destination_forbidden';
  readonly host: string;
  constructor(host: string) {
    super(`${host} is not a public address`);
    this.host = host;
  }
}

export interface DestinationGuard {
  /**
   * For the `lookup` option of net, tls, ws and undici's connector: resolves and checks in one step.
   * Node never calls it for a host that is an address already, so call `check` on every URL as well,
   * the ones redirected to included.
   */
  readonly lookup: LookupFunction;
  /** @throws DestinationForbidden when the URL's host is a forbidden address in any spelling. Resolves no names. */
  check(url: string | URL): void;
  /**
   * For validation ahead of time: resolves the name too. Null when nothing speaks against it, also when
   * the name cannot be resolved now. It is courtesy, not the guard: `lookup` decides again at the connect.
   */
  examine(url: string | URL): Promise<DestinationForbidden | null>;
}

export interface DestinationOptions {
  readonly allowPrivate: boolean;
  /** Replaces the system's resolver; for tests. */
  readonly lookup?: LookupFunction;
  readonly clock?: Clock;
}

const EXAMINE_MS = 2_000;
const globalUnicast: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse('2000::'), 3];

/** Whether an address literal is one of the public internet. Anything that is not an address is not. */
export function isPublicAddress(text: string): boolean {
  const bare = text.replace(/^\[|\]$/g, '');
  if (!ipaddr.isValid(bare)) return false;
  const address = ipaddr.parse(bare);
  if (address instanceof ipaddr.IPv4) return address.range() === 'unicast';
  if (address.isIPv4MappedAddress()) return address.toIPv4Address().range() === 'unicast';
  return address.range() === 'unicast' && address.match(globalUnicast);
}

/** Makes the guard. It holds nothing and needs no closing. */
export function createDestinationGuard(options: DestinationOptions): DestinationGuard {
  const resolve = options.lookup ?? dns.lookup;
  const clock = options.clock ?? systemClock;
  if (options.allowPrivate) return { lookup: resolve, check: () => {}, examine: async () => null };
  const lookup = guardedLookup(resolve);
  const check = (url: string | URL): void => {
    const host = hostOf(url);
    if (isLiteral(host) && !isPublicAddress(host)) throw new DestinationForbidden(host);
  };
  const examine = async (url: string | URL): Promise<DestinationForbidden | null> => {
    try {
      check(url);
      const host = hostOf(url);
      if (!isLiteral(host)) await withDeadline(clock, EXAMINE_MS, 'name lookup', resolveOnce(lookup, host));
      return null;
    } catch (error) {
      return error instanceof DestinationForbidden ? error : null;
    }
  };
  return { lookup, check, examine };
}

/** A lookup that answers with an error as soon as one of the name's addresses is not public. */
function guardedLookup(resolve: LookupFunction): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, options, (error, address, family) => {
      const found = Array.isArray(address) ? address.map((entry) => entry.address) : [address];
      if (error === null && !found.every(isPublicAddress)) callback(new DestinationForbidden(hostname), '', 0);
      else callback(error, address, family);
    });
  };
}

function resolveOnce(lookup: LookupFunction, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    lookup(host, { all: true }, (error) => (error === null ? resolve() : reject(error)));
  });
}

/** WHATWG parsing turns every spelling of an IPv4 address into four decimal numbers. */
function hostOf(url: string | URL): string {
  return new URL(url).hostname;
}

function isLiteral(host: string): boolean {
  return host.startsWith('[') || ipaddr.IPv4.isValid(host);
}
