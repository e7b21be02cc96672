/**
 * Trunks: the SIP peers we send calls to, from the setting `TRUNKS` (JSON, or the path of a JSON file).
 * Chosen by name or by the longest prefix of the called number; trunks with an equal claim follow
 * each other in the order they were written, which is the order of failover.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Trunk } from '../../shared/domain/trunk.ts';

const hostShape = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?$/;

const trunkSchema = z
  .strictObject({
    name: z.string().regex(/^[\w.-]{1,64}$/, 'letters, digits, dot, dash and underscore'),
    host: z.string().max(255).regex(hostShape, 'a host name, an address, or either with :port'),
    transport: z.enum(['udp', 'tcp']).default('udp'),
    prefixes: z
      .array(z.string().regex(/^\+?\d{0,15}$/, 'digits, with or without +'))
      .min(1)
      .default(['']),
    username: z.string().min(1).nullable().default(null),
    password: z.string().min(1).nullable().default(null),
  })
  .refine((trunk) => (trunk.username === null) === (trunk.password === null), 'username and password go together');

const trunksSchema = z.array(trunkSchema).superRefine((trunks, context) => {
  const names = new Set<string>();
  for (const [index, { name }] of trunks.entries()) {
    if (names.has(name)) context.addIssue({ code: 'custom', path: [index, 'name'], message: `${name} is there twice` });
    names.add(name);
  }
});

/** The setting cannot be used; the message names each problem, and no credential. */
export class TrunksError extends Error {
  override readonly name = 'TrunksError';
}

/**
 * Reads `TRUNKS`: JSON when it starts with `[`, else a file's path.
 * @throws TrunksError
 */
export function readTrunks(setting: string): readonly Trunk[] {
  const text = setting.trim();
  const isJson = text.startsWith('[');
  let value: unknown;
  try {
    value = JSON.parse(isJson ? text : readFileSync(text, 'utf8'));
  } catch (error) {
    const missing = error instanceof Error && 'code' in error;
    throw new TrunksError(missing ? `TRUNKS: the file ${text} cannot be read` : 'TRUNKS: not JSON');
  }
  const result = trunksSchema.safeParse(value);
  if (result.success) return result.data;
  const lines = result.error.issues.map(({ path, message }) => `  TRUNKS[${path.join('.')}]: ${message}`);
  throw new TrunksError(`The trunks are not right:\n${lines.join('\n')}`);
}

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
