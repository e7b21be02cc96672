/** `kill -9` of the gateway; its supervisor starts it again. Calls that ring ring on, and new ones come. */
import { silentAtMost, untouched } from '../judge.ts';
import { placeSteady } from '../population.ts';
import type { Fault } from '../run-fault.ts';
import { restarted, steady } from './services.ts';

/** Media does not pass the gateway: what a phone may miss is the machine's own breath. */
const SILENCE_MS = 500;

export const killGateway: Fault = {
  name: 'kill-gateway',
  title: 'kill -9 of the gateway, started again by its supervisor',
  harm: async (scene) => {
    const at = Date.now();
    await restarted(scene, 'gateway', 'SIGKILL');
    await placeSteady(scene, 4);
    return { at, hits: new Set() };
  },
  holds: (after) => [silentAtMost(steady(after), SILENCE_MS), untouched(steady(after))],
};
