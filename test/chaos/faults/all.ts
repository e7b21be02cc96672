/** Every fault of the run, in the order they happen. To add one: a file beside this, and a line here. */
import type { Fault } from '../run-fault.ts';
import { freezeWorker } from './freeze-worker.ts';
import { killWorker } from './kill-worker.ts';

export const faults: readonly Fault[] = [killWorker, freezeWorker];
