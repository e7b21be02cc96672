/** Whose calls a fault hits, by the owner the API shows. */
import type { Account } from '../ledger.ts';
import type { Scene } from '../scene.ts';

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
