/** `kill -9` of every XML parser, five times, while documents come in: their owners read them once more. */
import { systemClock } from '../../../shared/kernel/clock.ts';
import { pause } from '../../../shared/kernel/deadline.ts';
import { type Check, everyCall, silentAtMost, untouched } from '../judge.ts';
import { placeSteady } from '../population.ts';
import type { Fault } from '../run-fault.ts';
import { parsers, steady } from './services.ts';

const TIMES = 5;
const EVERY_MS = 400;
const SILENCE_MS = 500;

export const killParser: Fault = {
  name: 'kill-parser',
  title: 'kill -9 of every parser process, five times',
  harm: async (scene) => {
    const at = Date.now();
    const placed = placeSteady(scene, 10);
    for (let time = 0; time < TIMES; time++) {
      for (const pid of parsers(scene)) process.kill(pid, 'SIGKILL');
      await pause(systemClock, EVERY_MS);
    }
    await placed;
    return { at, hits: new Set() };
  },
  holds: (after) => [silentAtMost(steady(after), SILENCE_MS), untouched(steady(after)), noDocumentLost(after)],
};

const noDocumentLost = (accounts: Parameters<Fault['holds']>[0]): Check =>
  everyCall('no document was lost', accounts, ({ events }) => {
    const lost = events.find(({ type }) => type === 'document.error' || type === 'document.failed');
    return lost === undefined ? null : JSON.stringify(lost);
  });
