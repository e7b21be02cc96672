/**
 * Choosing a trunk: by name or by the longest prefix of the called number; trunks with an equal claim
 * follow each other in the order they were written, which is the order of failover.
 */
import type { Trunk } from '../../shared/domain/trunk.ts';

/** The phone bank as the one trunk of an installation that names none. */
export const phoneBankTrunk = (host: string, port: number): Trunk => ({
  name: 'phones',
  host: `${host.includes(':') ? `[${host}]` : host}:${port}`,
  transport: 'udp',
  prefixes: [''],
  username: null,
  password: null,
});

/** `+` says nothing about which trunk takes a number. */
const digitsOf = (number: string): string => number.replace(/^\+/, '');

/** Length of the longest prefix of this trunk that fits, −1 when none does. */
function claimOf(trunk: Trunk, number: string): number {
  const digits = digitsOf(number);
  const lengths = trunk.prefixes.map(digitsOf).filter((prefix) => digits.startsWith(prefix));
  return Math.max(-1, ...lengths.map((prefix) => prefix.length));
}

/**
 * The trunks to try for a number, best first: the named one alone, else all that match, longest
 * prefix first. Empty when there is none.
 */
export function chooseTrunks(trunks: readonly Trunk[], name: string | null, number: string): readonly Trunk[] {
  if (name !== null) return trunks.filter((trunk) => trunk.name === name);
  return trunks
    .map((trunk) => ({ trunk, claim: claimOf(trunk, number) }))
    .filter(({ claim }) => claim >= 0)
    .sort((one, other) => other.claim - one.claim)
    .map(({ trunk }) => trunk);
}

/** The password of a trunk's user, for digest of calls that come in from it (RFC 7616). */
export const passwordOf =
  (trunks: readonly Trunk[]) =>
  (username: string): string | null =>
    trunks.find((trunk) => trunk.username === username)?.password ?? null;
