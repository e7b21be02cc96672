/** What a schema found, in words that a caller of the API can act on. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { z } from 'zod';
import { issueSentence } from '../../../shared/kernel/issue-sentence.ts';

const said = (schema: z.ZodType, value: unknown): string | undefined => {
  const issue = schema.safeParse(value).error?.issues[0];
  return issue && issueSentence(issue);
};

describe('the sentence of a schema issue', () => {
  const cases: readonly [string, z.ZodType, unknown, string][] = [
    ['a missing field', z.string(), undefined, 'is missing'],
    ['a wrong type', z.boolean(), 'true', 'must be a boolean'],
    ['no whole number', z.number().int(), 1.5, 'must be an integer'],
    ['text that is no number', z.coerce.number(), 'abc', 'must be a number'],
    ['a choice', z.enum(['GET', 'POST']), 'PUT', 'must be one of GET, POST'],
    ['a choice of literals', z.union([z.literal(8000), z.literal(16_000)]), 1, 'must be one of 8000, 16000'],
    ['a number too small', z.number().min(1), 0, 'at least 1'],
    ['a list too long', z.array(z.string()).max(1), ['a', 'b'], 'at most 1 items'],
    ['a sentence of our own', z.string().regex(/^a/, 'begins with a'), 'b', 'begins with a'],
  ];
  for (const [name, schema, value, sentence] of cases) {
    it(`names ${name}`, () => assert.equal(said(schema, value), sentence));
  }
});
