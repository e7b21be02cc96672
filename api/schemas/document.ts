/** POST /documents/validate: a TwiML document as it is, and what is wrong with it. */
import { dialect, httpUrl } from './fields.ts';
import { z } from './zod.ts';

export const documentBody = z.string().openapi('Document', { example: '<Response><Say>Hello.</Say></Response>' });

export const validateDocument = z.strictObject({
  dialect: dialect.optional(),
  baseUrl: httpUrl.optional().openapi({ description: 'Where the document will come from: relative URLs begin there.' }),
});

export const documentProblem = z
  .strictObject({
    severity: z.enum(['warning', 'error']),
    code: z.number().int().openapi({ example: 12200 }),
    message: z.string(),
    element: z.string().nullable(),
    attribute: z.string().nullable(),
    line: z.number().int().nullable(),
  })
  .openapi('DocumentProblem');

export const verdict = z
  .strictObject({
    valid: z.boolean().openapi({ description: 'Whether it runs: warnings do not matter.' }),
    problems: z.array(documentProblem),
  })
  .openapi('Verdict');
