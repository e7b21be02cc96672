/**
 * Looking at inline documents before anything is written. Only errors refuse; warnings are told. A parser that
 * is away or late refuses nothing: the worker reads every document again and has the last word.
 */
import type { Dialect } from '../../shared/domain/dialect.ts';
import { withDeadline } from '../../shared/kernel/deadline.ts';
import type { Parsed } from '../../shared/twiml/parser.ts';
import type { Problem } from '../../shared/twiml/problems.ts';
import type { ApiDeps } from '../deps.ts';
import { invalid } from '../endpoint.ts';

/** The parser's own deadline is a second; the rest is for its start and for documents ahead of this one. */
const JUDGE_WITHIN_MS = 3000;

/** What the parser says; null when it cannot say in time. */
export async function judge(
  deps: ApiDeps,
  twiml: string,
  context: { readonly dialect: Dialect; readonly baseUrl: string | null },
): Promise<Parsed | null> {
  if (deps.parser === undefined) return null;
  const allowInsecureWs = deps.settings.ALLOW_INSECURE_WS;
  try {
    const parsing = deps.parser.parse(twiml, { ...context, allowInsecureWs });
    const parsed = await withDeadline(deps.clock, JUDGE_WITHIN_MS, 'the parser', parsing);
    if (parsed.kind === 'document' || parsed.unjudged !== true) return parsed;
    deps.logger.warn({ problems: parsed.problems }, 'document was not judged');
  } catch (error) {
    deps.logger.warn({ err: error }, 'document was not judged');
  }
  return null;
}

/**
 * Looks at the document of a body, when it has one; answers with its warnings.
 * @throws ApiProblem `twiml_invalid` naming every error.
 */
export async function checkDocument(
  deps: ApiDeps,
  twiml: string | null | undefined,
  dialect: Dialect,
): Promise<readonly Problem[]> {
  if (twiml === null || twiml === undefined) return [];
  const parsed = await judge(deps, twiml, { dialect, baseUrl: null });
  if (parsed?.kind !== 'refused') return parsed?.warnings ?? [];
  const errors = parsed.problems.filter(({ severity }) => severity === 'error');
  throw invalid(errors.map((problem) => ({ path: 'twiml', code: String(problem.code), message: sentence(problem) })));
}

/** The warnings of a document that was taken before: nothing refuses it now. */
export async function warningsOf(
  deps: ApiDeps,
  twiml: string | undefined,
  dialect: Dialect,
): Promise<readonly Problem[]> {
  if (twiml === undefined) return [];
  const parsed = await judge(deps, twiml, { dialect, baseUrl: null });
  return parsed?.kind === 'document' ? parsed.warnings : [];
}

/** `Stream, line 3: …` */
export function sentence({ element, line, message }: Problem): string {
  const place = [...(element === null ? [] : [element]), ...(line === null ? [] : [`line ${line}`])];
  return place.length === 0 ? message : `${place.join(', ')}: ${message}`;
}
