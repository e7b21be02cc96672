/** SIGTERM to each worker and to the API, one after the other: what still runs after the drain time is handed over. */
import { type Check, everyCall, oneOwnerHeard, resumedAtItsVerb, silentAtMost, streamsReopened } from '../judge.ts';
import type { Account } from '../ledger.ts';
import type { Fault } from '../run-fault.ts';
import { restarted, steady } from './services.ts';

/** "Well below a second." */
const SILENCE_MS = 700;

export const rollingDeploy: Fault = {
  name: 'rolling-deploy',
  title: 'SIGTERM to every worker and the API in turn',
  harm: async (scene) => {
    const at = Date.now();
    for (const { name } of scene.workers()) await restarted(scene, name, 'SIGTERM');
    await restarted(scene, 'api-1', 'SIGTERM');
    return { at, hits: new Set(scene.calls.map(({ sid }) => sid)) };
  },
  holds: (after, { at }) => [
    silentAtMost(steady(after), SILENCE_MS),
    streamsReopened(steady(after), at),
    resumedAtItsVerb(after),
    oneOwnerHeard(after),
    wasMoved(steady(after)),
  ],
};

const wasMoved = (accounts: readonly Account[]): Check =>
  everyCall('every call has changed its worker', accounts, ({ events }) =>
    events.filter(({ type }) => type === 'call.claimed').length > 1 ? null : 'it never did',
  );
