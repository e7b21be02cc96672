/** Whose calls a fault hits, by the owner the API shows, and what must hold when others take them over. */
import {
  movedByReinvite,
  oneOwnerHeard,
  resumedAtItsVerb,
  silentAtMost,
  streamsReopened,
  untouched,
} from '../judge.ts';
import type { Account } from '../ledger.ts';
import type { Fault } from '../run-fault.ts';
import type { Scene } from '../scene.ts';
import { steady } from './services.ts';

/** The owner with the most calls. */
export function busiestOwner(accounts: readonly Account[]): string {
  const counts = new Map<string, number>();
  for (const { owner } of accounts) if (owner !== null) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  const [busiest] = [...counts].sort(([, one], [, other]) => other - one);
  if (busiest === undefined) throw new Error('nobody has a call');
  return busiest[0];
}

/** Sids of the live calls whose owner is meant. */
export async function hitsOf(scene: Scene, isMeant: (owner: string) => boolean): Promise<ReadonlySet<string>> {
  const shown = [...(await scene.shown('ringing')), ...(await scene.shown('in-progress'))];
  return new Set(shown.filter(({ owner }) => owner !== null && isMeant(owner)).map(({ sid }) => sid));
}

/** Calls whose owner is gone go on with another, no phone waits longer than this for its sound, and nobody else notices. */
export const othersGoOn =
  (silenceMs: number): Fault['holds'] =>
  (after, { hits, at }) => {
    const hit = after.filter(({ sid }) => hits.has(sid));
    return [
      silentAtMost(steady(hit), silenceMs),
      movedByReinvite(hit),
      streamsReopened(hit, at),
      resumedAtItsVerb(hit),
      oneOwnerHeard(after),
      untouched(steady(after.filter(({ sid }) => !hits.has(sid)))),
    ];
  };
