/** A bug is thrown in one call, where its sound is read or in its beat: it costs that call and no other. */
import { words } from '../inject-orders.ts';
import { type Check, everyCall, oneOwnerHeard, silentAtMost, untouched } from '../judge.ts';
import type { Account } from '../ledger.ts';
import type { Fault } from '../run-fault.ts';
import { steady } from './services.ts';

const SILENCE_MS = 400;

const bug = (where: keyof typeof words, title: string): Fault => ({
  name: `bug-in-${where}`,
  title,
  costs: 1,
  harm: async (scene, before) => {
    const victim = before.find(({ settingUp }) => !settingUp);
    if (!victim) throw new Error('there is no call');
    const at = Date.now();
    await scene.phones.ask({ kind: 'poison', number: victim.number, word: words[where] });
    return { at, hits: new Set([victim.sid]) };
  },
  holds: (after, { hits }) => {
    const others = after.filter(({ sid }) => !hits.has(sid));
    return [
      endedByTheBug(after.filter(({ sid }) => hits.has(sid))),
      silentAtMost(steady(others), SILENCE_MS),
      oneOwnerHeard(after),
      untouched(steady(others)),
    ];
  },
});

const endedByTheBug = (accounts: readonly Account[]): Check =>
  everyCall('its own call ends, and says why', accounts, ({ events, line }) => {
    const end = events.find(({ type }) => type === 'call.ended')?.['ending'];
    const cause = (end as { readonly cause?: string } | undefined)?.cause;
    return cause === 'internal_error' && line?.state === 'ended' ? null : `${cause}, the phone is ${line?.state}`;
  });

export const bugWhereSoundIsRead = bug('socket', 'a bug where the sound of one call is read');
export const bugInABeat = bug('beat', 'a bug in the beat of one call');
