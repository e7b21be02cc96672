/**
 * The application's WebSocket server is restarted: every stream is cut, and for a second none is taken. Streams end
 * with an error, as PROTOCOL has it for one without `reconnect`; the calls themselves go on with their documents.
 */
import { systemClock } from '../../../shared/kernel/clock.ts';
import { pause } from '../../../shared/kernel/deadline.ts';
import { hasStream } from '../documents.ts';
import { type Check, everyCall, silentAtMost, untouched } from '../judge.ts';
import type { Account } from '../ledger.ts';
import type { Fault } from '../run-fault.ts';
import { steady } from './services.ts';

const AWAY_MS = 1000;
const SILENCE_MS = 500;

export const cutApp: Fault = {
  name: 'cut-app',
  title: "the app's WebSocket server restarted",
  endsStreams: true,
  harm: async (scene) => {
    const at = Date.now();
    await scene.app.ask({ kind: 'cut', ms: AWAY_MS });
    await pause(systemClock, AWAY_MS + 2000);
    return { at, hits: new Set() };
  },
  holds: (after, { at }) => [
    silentAtMost(steady(after), SILENCE_MS),
    untouched(steady(after)),
    streamsEnded(after, at),
  ],
};

const streamsEnded = (accounts: readonly Account[], at: number): Check =>
  everyCall(
    'each stream that was cut is told as stopped, once',
    steady(accounts).filter(({ kind }) => hasStream(kind)),
    ({ sockets, events }) => {
      const cut = sockets.filter(({ openedAt }) => openedAt < at).length;
      const told = events.filter(({ type }) => type === 'stream.stopped' || type === 'stream.failed').length;
      return told === cut ? null : `${told} of ${cut}`;
    },
  );
