/**
 * The application's HTTP server is restarted: requests under way are cut, and for a second nobody listens. A call that asked
 * for a document just then is the application's loss, and told as such; callbacks wait, and no other call notices.
 */
import { systemClock } from '../../../shared/kernel/clock.ts';
import { pause } from '../../../shared/kernel/deadline.ts';
import { type Check, everyCall, silentAtMost, untouched } from '../judge.ts';
import type { Account } from '../ledger.ts';
import type { Fault } from '../run-fault.ts';
import { steady } from './services.ts';

const AWAY_MS = 1000;
/** Time for the callbacks that were refused to be told again: after one second and after four. */
const TOLD_AGAIN_MS = 6000;
const SILENCE_MS = 500;

export const restartApp: Fault = {
  name: 'restart-app',
  title: "the app's HTTP server restarted",
  costsHits: true,
  harm: async (scene) => {
    const at = Date.now();
    await scene.app.ask({ kind: 'restart', ms: AWAY_MS });
    await pause(systemClock, AWAY_MS + TOLD_AGAIN_MS);
    const hits = new Set<string>();
    for (const { sid } of [...(await scene.shown('completed')), ...(await scene.shown('failed'))]) {
      const events = await scene.system.events(sid);
      if (events.some((event) => event.type === 'document.failed' && Date.parse(event.at) >= at)) hits.add(sid);
    }
    return { at, hits };
  },
  holds: (after, { hits }) => {
    const others = after.filter(({ sid }) => !hits.has(sid));
    return [
      endedByItsApplication(after.filter(({ sid }) => hits.has(sid))),
      silentAtMost(steady(others), SILENCE_MS),
      untouched(steady(others)),
    ];
  },
};

const endedByItsApplication = (accounts: readonly Account[]): Check =>
  everyCall('a call whose document was refused ends with that, and nobody else to blame', accounts, ({ events }) => {
    const end = events.find(({ type }) => type === 'call.ended')?.['ending'];
    const { cause, blame } = (end ?? {}) as { readonly cause?: string; readonly blame?: string };
    return blame === 'application' ? null : `${cause}, ${blame}`;
  });
