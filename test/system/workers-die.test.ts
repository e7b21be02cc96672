/**
 * A small version of the chaos run: what happens to a few calls of every kind when their worker is killed, frozen, cut
 * off from Redis or deployed anew, when one of its threads dies, and when a bug is thrown in one call.
 */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { bugInACall } from '../chaos/faults/bug-in-a-call.ts';
import { cutRedis } from '../chaos/faults/cut-redis.ts';
import { freezeWorker } from '../chaos/faults/freeze-worker.ts';
import { killWorker } from '../chaos/faults/kill-worker.ts';
import { rollingDeploy } from '../chaos/faults/rolling-deploy.ts';
import { threadExits } from '../chaos/faults/thread-dies.ts';
import { injected } from '../chaos/inject-orders.ts';
import { runFault } from '../chaos/run-fault.ts';
import { Scene } from '../chaos/scene.ts';
import { suiteOwner } from '../support/suite.ts';

describe('calls survive', () => {
  const owner = suiteOwner();
  let scene: Scene;
  before(async () => {
    scene = await Scene.open(owner, { workers: 2, environment: { DRAIN_TIMEOUT: '1s', ...injected() } });
  });

  for (const fault of [killWorker, threadExits, bugInACall, rollingDeploy, freezeWorker(5000), cutRedis(5000)]) {
    it(fault.title, async () => {
      const { checks } = await runFault(scene, fault, { steady: 14, settingUp: 4, restMs: 600 });
      const broken = checks.filter(({ held }) => !held).map(({ what, detail }) => `${what}: ${detail}`);
      assert.deepEqual(broken, [], scene.system.lines.join('\n'));
    });
  }
});
