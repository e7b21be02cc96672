/** A bug is thrown in three calls, where sound is read, in a beat and at the words of an app: it costs those calls and no other. */
import { earPath } from '../documents.ts';
import { words } from '../inject-orders.ts';
import { type Check, everyCall, oneOwnerHeard, silentAtMost, untouched } from '../judge.ts';
import type { Account } from '../ledger.ts';
import type { Fault } from '../run-fault.ts';
import type { Scene } from '../scene.ts';
import { steady } from './services.ts';

const SILENCE_MS = 400;

interface Way {
  readonly word: string;
  readonly isVictim: (call: Account) => boolean;
  readonly plant: (scene: Scene, victim: Account, word: string) => Promise<unknown>;
}

const onItsLine: Omit<Way, 'word'> = {
  isVictim: () => true,
  plant: (scene, { number }, word) => scene.phones.ask({ kind: 'poison', number, word }),
};
const ways: readonly Way[] = [
  {
    word: words.stream,
    isVictim: ({ kind }) => kind === 'two-way',
    plant: (scene, { kind, number }, word) => scene.app.ask({ kind: 'poison', path: earPath(kind, number), word }),
  },
  { word: words.socket, ...onItsLine },
  { word: words.beat, ...onItsLine },
];

export const bugInACall: Fault = {
  name: 'bug-in-a-call',
  title: 'a bug in each of three calls: where its sound is read, in its beat, where its app is heard',
  costsHits: true,
  harm: async (scene, before) => {
    const at = Date.now();
    const hits = new Set<string>();
    for (const { word, isVictim, plant } of ways) {
      const victim = steady(before).find((call) => !hits.has(call.sid) && isVictim(call));
      if (!victim) throw new Error('there is no such call');
      hits.add(victim.sid);
      await plant(scene, victim, word);
    }
    return { at, hits };
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
};

const endedByTheBug = (accounts: readonly Account[]): Check =>
  everyCall('its own call ends, and says why', accounts, ({ events, line }) => {
    const end = events.find(({ type }) => type === 'call.ended')?.['ending'];
    const cause = (end as { readonly cause?: string } | undefined)?.cause;
    return cause === 'internal_error' && line?.state === 'ended' ? null : `${cause}, the phone is ${line?.state}`;
  });
