/** Redis down: at start one clear line; afterwards the API says so at once and comes back by itself. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { newAccountSid } from '../../shared/kernel/ids.ts';

const dist = fileURLToPath(new URL('../..', import.meta.url));

describe('Redis away at the start of a service', () => {
  for (const main of ['api/main.js', 'worker/gateway/main.js', 'worker/main.js']) {
    it(`${main} says so in one line and ends with code 1`, async () => {
      const child = spawn(process.execPath, [path.join(dist, main)], {
        env: {
          PATH: process.env['PATH'],
          REDIS_URL: 'redis://127.0.0.1:1',
          ACCOUNT_SID: newAccountSid(),
          AUTH_TOKEN: 'a token for tests only',
          PORT: '0',
          SIP_PORT: '0',
          WORKER_THREADS: '1',
          LOG_LEVEL: 'silent',
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let output = '';
      child.stdout.on('data', (chunk) => {
        output += chunk;
      });
      child.stderr.on('data', (chunk) => {
        output += chunk;
      });
      const code = await new Promise((resolve) => child.once('exit', resolve));
      assert.equal(code, 1, output);
      assert.match(output, /Redis cannot be reached/);
      assert.ok(output.trim().split('\n').length <= 3, output);
    });
  }
});
