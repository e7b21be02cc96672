/** Pages of a list that is held whole: the cursor is the place of the first item not yet given. */
import type { Page } from '../../shared/store/store.ts';
import { invalid } from '../endpoint.ts';

/** @throws ApiProblem `invalid` when the cursor is not one of ours. */
export function pageOf<Item>(items: readonly Item[], limit: number, cursor: string | undefined): Page<Item> {
  const from = placeOf(cursor);
  const next = from + limit;
  return { items: items.slice(from, next), nextCursor: next < items.length ? String(next) : null };
}

/** A cursor that is a number; 0 without one. @throws ApiProblem `invalid` */
export function placeOf(cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  if (/^\d{1,15}$/.test(cursor)) return Number(cursor);
  throw invalid([{ path: 'cursor', code: 'invalid_format', message: 'a cursor as nextCursor gave it' }]);
}
