/** A bug is thrown in one call, where its sound is read, in its beat or at the words of its app: it costs that call and no other. */
import { earPath } from '../documents.ts';
import { words } from '../inject-orders.ts';
import { type Check, everyCall, oneOwnerHeard, silentAtMost, untouched } from '../judge.ts';
import type { Account } from '../ledger.ts';
import type { Fault } from '../run-fault.ts';
import type { Scene } from '../scene.ts';
import { steady } from './services.ts';

const SILENCE_MS = 400;

interface Bug {
  readonly where: keyof typeof words;
  readonly title: string;
  readonly isVictim: (call: Account) => boolean;
  readonly plant: (scene: Scene, victim: Account, word: string) => Promise<unknown>;
}

const bug = ({ where, title, isVictim, plant }: Bug): Fault => ({
  name: `bug-in-${where}`,
  title,
  costsHits: true,
  harm: async (scene, before) => {
    const victim = steady(before).find(isVictim);
    if (!victim) throw new Error('there is no such call');
    const at = Date.now();
    await plant(scene, victim, words[where]);
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

const onItsLine = {
  isVictim: () => true,
  plant: (scene: Scene, { number }: Account, word: string) => scene.phones.ask({ kind: 'poison', number, word }),
};

export const bugsInACall: readonly Fault[] = [
  bug({ where: 'socket', title: 'a bug where the sound of one call is read', ...onItsLine }),
  bug({ where: 'beat', title: 'a bug in the beat of one call', ...onItsLine }),
  bug({
    where: 'stream',
    title: 'a bug where the stream of one call reads what its app says',
    isVictim: ({ kind }) => kind === 'two-way',
    plant: (scene, { kind, number }, word) => scene.app.ask({ kind: 'poison', path: earPath(kind, number), word }),
  }),
];
