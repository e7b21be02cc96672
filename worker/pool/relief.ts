/**
 * When a thread has more calls than it can do, as after it took those of one that died: how many it gives to threads that
 * have room. A pure machine, asked at each look at the load.
 *
 *           overloaded six times in a row
 *   fine ─────────────────────────────────▶ relieving     excess = calls beyond the limit
 *     ◀─────────────────────────────────────
 *           no more than the limit
 */
import type { OwnerId } from '../../shared/kernel/ids.ts';
import type { OwnerState } from '../../shared/store/store.ts';
import { type Admission, type AdmissionBounds, HARDLY_ANY } from './admission.ts';

export interface Relief {
  readonly kind: 'fine' | 'relieving';
  /** How many in a row said that it is overloaded. */
  readonly looks: number;
  /** So many calls fewer, and the thread is busy up to its limit. */
  readonly excess: number;
}

/** A stall, or a collection, is over and made up for by then. */
const OVERLOADED_LOOKS = 6;

export const fine: Relief = { kind: 'fine', looks: 0, excess: 0 };

export function relieve(
  before: Relief,
  { busy, calls }: Admission,
  { busyLimit }: Pick<AdmissionBounds, 'busyLimit'>,
): Relief {
  if (calls < HARDLY_ANY) return fine;
  if (before.kind === 'fine') {
    // Half of what is kept free is used up: what comes now and then has no room any more.
    if (busy <= (1 + busyLimit) / 2) return fine;
    if (before.looks + 1 < OVERLOADED_LOOKS) return { ...fine, looks: before.looks + 1 };
  }
  const excess = calls - Math.floor((calls * busyLimit) / Math.max(busy, busyLimit));
  return excess > 0 ? { kind: 'relieving', looks: OVERLOADED_LOOKS, excess } : fine;
}

/** A thread's share of the room that others have, in calls: those that are full may be looking for some too. */
export function shareOfRoom(owners: readonly (OwnerState & { readonly owner: OwnerId })[], own: OwnerId): number {
  const others = owners.filter(({ owner, draining }) => owner !== own && !draining);
  const open = others.filter(({ full }) => full !== true);
  const room = open.reduce((sum, { calls, capacity, room = capacity - calls }) => sum + Math.max(0, room), 0);
  return Math.floor(room / (1 + others.length - open.length));
}
