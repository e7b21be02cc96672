/** The shape of every error: RFC 9457, API.md "Errors". */
import { issueSentence } from '../../shared/kernel/issue-sentence.ts';
import { z } from './zod.ts';

export const problemResource = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    code: z.string().openapi({ example: 'invalid' }),
    detail: z.string(),
    errors: z.array(z.strictObject({ path: z.string(), code: z.string(), message: z.string() })),
    requestId: z.string(),
  })
  .openapi('Problem');

/** What zod found, as `errors`: an unknown field is named by its own path. */
export function fieldProblems(error: z.ZodError): { path: string; code: string; message: string }[] {
  return error.issues.flatMap((issue) => {
    const path = issue.path.map(String).join('.');
    if (issue.code !== 'unrecognized_keys') return [{ path, code: issue.code, message: issueSentence(issue) }];
    return issue.keys.map((key) => ({
      path: path === '' ? key : `${path}.${key}`,
      code: 'unknown_field',
      message: 'no such field',
    }));
  });
}
