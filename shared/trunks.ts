/**
 * The setting `TRUNKS`: JSON, or the path of a JSON file. Read by the gateway, which uses the trunks, and by the
 * API, which knows their names.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Trunk } from './domain/trunk.ts';
import { ExpectedFailure } from './kernel/expected-failure.ts';

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
export class TrunksError extends ExpectedFailure {
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
