/**
 * The contract suites once more on a Redis Cluster of three nodes: a step that touched the keys of two
 * slots, or a key it was not given, would be refused there. Each suite is a run of its own, as it is without.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const suites = ['store-calls', 'store-streams', 'store-rest', 'queue', 'pool', 'leases'];
const own = fileURLToPath(import.meta.url);
const WITHIN_MS = 90_000;

interface Run {
  readonly code: unknown;
  readonly output: string;
}

function run(suite: string): Promise<Run> {
  const file = path.join(path.dirname(own), `${suite}.test${path.extname(own)}`);
  // Without the mark of the runner above it the file would not run its tests again.
  const { NODE_TEST_CONTEXT: _mark, ...environment } = process.env;
  const options = { env: { ...environment, TEST_REDIS: 'cluster' }, timeout: WITHIN_MS, maxBuffer: 8_000_000 };
  const reporter = ['--test-reporter=tap', '--test-reporter-destination=stdout'];
  return new Promise((resolve) => {
    execFile(process.execPath, [...process.execArgv, '--test', ...reporter, file], options, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, output: stdout + stderr }),
    );
  });
}

// They wait much more than they work.
describe('on a Redis Cluster', { concurrency: suites.length }, () => {
  for (const suite of suites) {
    it(`${suite} holds`, async () => {
      const { code, output } = await run(suite);
      assert.equal(code, 0, output);
      assert.match(output, /^# pass [1-9]/m, output);
    });
  }
});
