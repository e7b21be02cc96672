/**
 * Small versions of the faults of `npm run chaos` that hit no worker: the gateway, the API, the parsers and Redis die,
 * are replaced or forget, with a few calls of every kind up and some being set up. What must hold is the fault's own.
 */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { killApi } from '../chaos/faults/kill-api.ts';
import { killGateway } from '../chaos/faults/kill-gateway.ts';
import { killParser } from '../chaos/faults/kill-parser.ts';
import { emptyRedis, stopRedis } from '../chaos/faults/redis.ts';
import { rollGateway } from '../chaos/faults/roll-gateway.ts';
import { runFault } from '../chaos/run-fault.ts';
import { Scene } from '../chaos/scene.ts';
import { suiteOwner } from '../support/suite.ts';

const SIZE = { steady: 6, settingUp: 2, restMs: 600 };

describe('calls outlive', () => {
  const owner = suiteOwner();
  let scene: Scene;
  before(async () => {
    scene = await Scene.open(owner, { workers: 2 });
  });

  for (const fault of [killGateway, rollGateway, killApi, killParser, stopRedis(6000), emptyRedis]) {
    it(fault.title, async () => {
      const { checks } = await runFault(scene, fault, SIZE);
      assert.deepEqual(
        checks.filter(({ held }) => !held),
        [],
        scene.system.lines.join('\n'),
      );
    });
  }
});
