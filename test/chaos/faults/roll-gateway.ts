/** A rolling deploy of the gateway: SIGTERM and a new process, while calls are up, ring and come. */
import { silentAtMost, untouched } from '../judge.ts';
import { placeSteady } from '../population.ts';
import type { Fault } from '../run-fault.ts';
import { restarted, steady } from './services.ts';

const SILENCE_MS = 500;

export const rollGateway: Fault = {
  name: 'roll-gateway',
  title: 'SIGTERM to the gateway and a new one, while new calls come',
  harm: async (scene) => {
    const at = Date.now();
    await Promise.all([restarted(scene, 'gateway', 'SIGTERM'), placeSteady(scene, 10)]);
    await placeSteady(scene, 4);
    return { at, hits: new Set() };
  },
  holds: (after) => [silentAtMost(steady(after), SILENCE_MS), untouched(steady(after))],
};
