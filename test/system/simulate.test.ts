/** A small run of `npm run simulate`: the control plane without media, the loss of a host included. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const main = path.join(fileURLToPath(new URL('../..', import.meta.url)), 'bench/simulate/main.js');
const small = ['--calls', '400', '--lost', '100', '--hold', '1', '--end', '50', '--per-thread', '200', '--hosts', '2'];

describe('the simulation', () => {
  it('sets calls up, holds them, loses a host and none of its calls, and tells what Redis had to do', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [main, ...small], { timeout: 60_000 });
    assert.match(stdout, /^set up in [\d.]+ s, \d+ calls\/s, \d+ commands a call: Redis \d+ commands\/s/m);
    assert.match(stdout, /^held in [\d.]+ s: Redis \d+ commands\/s, \d+ scripts\/s of \d+ µs/m);
    const [, lastS] = /: 100 taken over, the first after [\d.]+ s, the last after ([\d.]+) s$/m.exec(stdout) ?? [];
    assert.ok(Number(lastS) < 10, stdout);
    assert.match(stdout, /^ended in /m);
    assert.match(stdout, /^every call is where it should be$/m);
  });
});
