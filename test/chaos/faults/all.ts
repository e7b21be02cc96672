/** Every fault of the run, in the order they happen. To add one: a file beside this, and a line here. */
import type { Fault } from '../run-fault.ts';
import { bursts } from './burst.ts';
import { cutApp } from './cut-app.ts';
import { freezeWorker } from './freeze-worker.ts';
import { killApi } from './kill-api.ts';
import { killGateway } from './kill-gateway.ts';
import { killParser } from './kill-parser.ts';
import { killWorker } from './kill-worker.ts';
import { emptyRedis, killRedis, stopRedis } from './redis.ts';
import { rollGateway } from './roll-gateway.ts';
import { weather } from './weather.ts';

export const faults: readonly Fault[] = [
  killWorker,
  freezeWorker,
  killGateway,
  rollGateway,
  killApi,
  killParser,
  stopRedis,
  killRedis,
  emptyRedis,
  cutApp,
  ...bursts,
  ...weather,
];
