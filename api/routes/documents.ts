/** /documents/validate: what the parser says of a document that nobody runs. */
import { type Endpoint, endpoint } from '../endpoint.ts';
import { ApiProblem } from '../problem.ts';
import { documentBody, validateDocument, verdict } from '../schemas/document.ts';
import { judge } from './judge.ts';

const PARSER_RETRY_SECONDS = 2;

const postValidate = endpoint({
  method: 'post',
  path: '/documents/validate',
  tag: 'Documents',
  summary: 'Says what is wrong with a document, without running it.',
  query: validateDocument,
  body: documentBody,
  bodyType: 'xml',
  answers: { 200: { description: 'The verdict, also of a document that is none.', schema: verdict } },
  problems: ['invalid', 'parser_unavailable'],
  handle: async ({ body, query }, deps) => {
    const dialect = query.dialect ?? deps.settings.DIALECT;
    const parsed = await judge(deps, body, { dialect, baseUrl: query.baseUrl ?? null });
    if (parsed === null) {
      throw new ApiProblem('parser_unavailable', 'Try again in a moment.', {
        retryAfterSeconds: PARSER_RETRY_SECONDS,
      });
    }
    const problems = parsed.kind === 'refused' ? parsed.problems : parsed.warnings;
    return { status: 200, body: { valid: parsed.kind === 'document', problems } };
  },
});

export const documentEndpoints: readonly Endpoint[] = [postValidate];
