import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import os from 'node:os';
import { it } from 'node:test';
import { yieldBackgroundThreads } from '../../../shared/kernel/background-threads.ts';

const isLinux = process.platform === 'linux';

it("V8's helpers give way, and the thread that runs our code does not", {
  skip: isLinux ? false : 'Linux only',
}, () => {
  const before = os.getPriority();
  yieldBackgroundThreads();
  const priorities = readdirSync('/proc/self/task')
    .map(Number)
    .filter((thread) => thread !== process.pid)
    .map((thread) => os.getPriority(thread));
  assert.ok(priorities.length >= 1);
  assert.ok(
    priorities.every((priority) => priority >= 10),
    `${priorities}`,
  );
  assert.equal(os.getPriority(), before);
});
