/** How much room the workers have together, from what each of them last said of itself. */
import type { OwnerState } from './store.ts';

/** Calls that could be taken now, those that wait not counted. */
export function freeCalls(owners: readonly OwnerState[]): number {
  return owners.filter(({ draining }) => !draining).reduce((sum, owner) => sum + freeOf(owner), 0);
}

/**
 * Whether nobody takes calls because all that are there measure that they have enough. With nobody there, or when it
 * is the number of calls alone, calls wait for their turn instead.
 */
export function isFull(owners: readonly OwnerState[]): boolean {
  const taking = owners.filter(({ draining }) => !draining);
  return taking.length > 0 && taking.every(({ full }) => full === true);
}

function freeOf({ calls, capacity, full, room }: OwnerState): number {
  if (full === true) return 0;
  return Math.max(0, Math.min(capacity - calls, room ?? Number.POSITIVE_INFINITY));
}
