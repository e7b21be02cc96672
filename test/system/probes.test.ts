/** The health probes of docker-compose.yml against real processes, and that what the file names is there. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { suiteOwner } from '../support/suite.ts';
import { startSystem } from '../support/system.ts';

const dist = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

interface Verdict {
  readonly code: number | null;
  readonly said: string;
}

function probe(file: string, environment: Readonly<Record<string, string>>): Promise<Verdict> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [path.join(dist, file)], {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    child.once('close', (code) => resolve({ code, said }));
  });
}

describe('health probes', async () => {
  const owner = suiteOwner();
  const system = await startSystem(owner);
  const { account, redisUrl, sipAddress, children } = system.stack;
  const [host = '', port = ''] = sipAddress.split(':');
  const settings = { ...account, REDIS_URL: redisUrl, SIP_HOST: host, SIP_PORT: port, WORKER_THREADS: '1' };

  it('find the gateway while it answers SIP, and miss it when it is gone', async () => {
    assert.deepEqual(await probe('worker/gateway/probe.js', settings), { code: 0, said: '' });
    assert.deepEqual(await probe('worker/gateway/probe.js', { ...settings, SIP_HOST: '0.0.0.0' }), {
      code: 0,
      said: '',
    });
    await children.get('gateway')?.stop(5000);
    const gone = await probe('worker/gateway/probe.js', settings);
    assert.equal(gone.code, 1);
    assert.match(gone.said, /\S/);
  });

  it('find the threads of the worker, miss one that should be there, and all when it is gone', async () => {
    assert.deepEqual(await probe('worker/probe.js', settings), { code: 0, said: '' });
    assert.deepEqual(await probe('worker/probe.js', { ...settings, WORKER_THREADS: '2' }), {
      code: 1,
      said: '1 worker threads of this host are there, of 2\n',
    });
    await children.get('worker-1')?.stop(5000);
    assert.deepEqual(await probe('worker/probe.js', settings), {
      code: 1,
      said: '0 worker threads of this host are there, of 1\n',
    });
  });

  it('say what is wrong when nothing can be asked', async () => {
    const nobody = { ...settings, REDIS_URL: '/nowhere/redis.sock' };
    assert.deepEqual(await probe('worker/probe.js', nobody), { code: 1, said: 'Redis: no answer within 3000 ms\n' });
  });

  for (const file of ['docker-compose.yml', 'Dockerfile']) {
    it(`and every program that ${file} starts are compiled`, () => {
      const text = readFileSync(path.join(dist, '..', file), 'utf8');
      const programs = [...text.matchAll(/"(dist\/[^"]+\.js)"/g)].map(([, program = '']) => program);
      assert.ok(programs.length > 0);
      for (const program of programs) assert.ok(existsSync(path.join(dist, '..', program)), program);
    });
  }
});
