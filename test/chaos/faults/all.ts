/** Every fault of the run, in the order they happen. To add one: a file beside this, and a line here. */
import type { Fault } from '../run-fault.ts';
import { bugInACall } from './bug-in-a-call.ts';
import { bursts } from './burst.ts';
import { cutApp } from './cut-app.ts';
import { cutRedis } from './cut-redis.ts';
import { freezeWorker } from './freeze-worker.ts';
import { killApi } from './kill-api.ts';
import { killGateway } from './kill-gateway.ts';
import { killParser } from './kill-parser.ts';
import { killWorker } from './kill-worker.ts';
import { emptyRedis, killRedis, stopRedis } from './redis.ts';
import { restartApp } from './restart-app.ts';
import { rollGateway } from './roll-gateway.ts';
import { rollingDeploy } from './rolling-deploy.ts';
import { threadExits, threadOutOfMemory, threadThrows } from './thread-dies.ts';
import { weather } from './weather.ts';

export const faults: readonly Fault[] = [
  killWorker,
  freezeWorker(10_000),
  cutRedis(10_000),
  threadExits,
  threadThrows,
  threadOutOfMemory,
  bugInACall,
  rollingDeploy,
  killGateway,
  rollGateway,
  killApi,
  killParser,
  stopRedis(10_000),
  killRedis,
  emptyRedis,
  cutApp,
  restartApp,
  ...bursts,
  ...weather,
];
