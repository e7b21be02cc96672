/** Refusing URLs that lead to private addresses before anything is written. */
import type { ApiDeps } from '../deps.ts';
import { ApiProblem, type FieldProblem } from '../problem.ts';

/**
 * Looks at every URL of a body.
 * @throws ApiProblem `destination_forbidden` naming each field whose URL is refused.
 */
export async function checkDestinations(
  deps: ApiDeps,
  urls: Readonly<Record<string, string | null | undefined>>,
): Promise<void> {
  const given = Object.entries(urls).flatMap(([path, url]) => (typeof url === 'string' ? [{ path, url }] : []));
  const examined = await Promise.all(
    given.map(async ({ path, url }) => ({ path, why: await deps.guard.examine(url) })),
  );
  const errors: FieldProblem[] = examined.flatMap(({ path, why }) =>
    why === null ? [] : [{ path, code: 'destination_forbidden', message: why.message }],
  );
  if (errors.length === 0) return;
  const detail = errors.map((error) => `${error.path}: ${error.message}`).join('; ');
  throw new ApiProblem('destination_forbidden', `${detail}.`, { errors });
}
