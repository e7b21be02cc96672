/** The shape of every error: RFC 9457, docs/errors.md. */
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

/** Of fields that exclude each other and cannot all be absent. */
export const EXACTLY_ONE = 'exactly_one';

/** The issue of a body that has none or several of such fields. */
export const exactlyOne = (path: readonly string[], names: string) => ({
  code: 'custom' as const,
  path: [...path],
  message: `exactly one of ${names}`,
  params: { code: EXACTLY_ONE },
});

/** The code an issue of ours was given, else zod's own. */
function codeOf(issue: z.core.$ZodIssue): string {
  const given = issue.code === 'custom' ? issue.params?.['code'] : undefined;
  return typeof given === 'string' ? given : issue.code;
}

/** What zod found, as `errors`: an unknown field is named by its own path. */
export function fieldProblems(error: z.ZodError): { path: string; code: string; message: string }[] {
  return error.issues.flatMap((issue) => {
    const path = issue.path.map(String).join('.');
    if (issue.code !== 'unrecognized_keys') return [{ path, code: codeOf(issue), message: issueSentence(issue) }];
    return issue.keys.map((key) => ({
      path: path === '' ? key : `${path}.${key}`,
      code: 'unknown_field',
      message: 'no such field',
    }));
  });
}
