/** The API as it really runs: a process of its own that says when it is ready, serves, and ends cleanly when asked. */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readiness } from '../../api/routes/health.ts';
import { verdict } from '../../api/schemas/document.ts';
import { newAccountSid } from '../../shared/kernel/ids.ts';
import { descendants, survivors } from '../support/processes.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';

const ACCOUNT_SID = newAccountSid();
const AUTH_TOKEN = 'a token of the tests';
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const file = fileURLToPath(new URL(`../../api/main.${extension}`, import.meta.url));
const execArgv = extension === 'ts' ? ['--import', import.meta.resolve('tsx')] : [];

let redis: TestRedis;
const started: ChildProcess[] = [];
before(async () => {
  redis = await startTestRedis();
});
after(async () => {
  for (const child of started) if (child.exitCode === null) child.kill('SIGKILL');
  await redis.stop();
});

function start(environment: Record<string, string>): ChildProcess {
  const child = fork(file, [], {
    execArgv,
    env: { PATH: process.env['PATH'] ?? '', ACCOUNT_SID, AUTH_TOKEN, PORT: '0', LOG_LEVEL: 'silent', ...environment },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  started.push(child);
  return child;
}

const within = (ms: number) => ({ signal: AbortSignal.timeout(ms) });

/** The address in its ready report. */
async function ready(child: ChildProcess): Promise<string> {
  const [report] = await once(child, 'message', within(30_000));
  assert.equal(report.kind, 'ready');
  assert.equal(report.service, 'api');
  assert.ok(report.info.port > 0);
  return `http://${report.info.host}:${report.info.port}`;
}

const authorization = `Basic ${Buffer.from(`${ACCOUNT_SID}:${AUTH_TOKEN}`).toString('base64')}`;

describe('the api process', () => {
  it('reports where it listens, serves, and leaves nothing behind', async () => {
    const trunks = JSON.stringify([{ name: 'carrier', host: 'sip.example.net' }]);
    const child = start({ REDIS_URL: redis.url, TRUNKS: trunks });
    const address = await ready(child);

    assert.equal((await fetch(`${address}/healthz`, within(10_000))).status, 200);
    const readyz = await fetch(`${address}/readyz`, within(10_000));
    assert.equal(readyz.status, 503);
    const state = readiness.parse(await readyz.json());
    assert.equal(state.redis.ok, true);
    assert.equal(state.workers.ok, false);

    const headers = { authorization, 'content-type': 'application/xml' };
    const validated = await fetch(`${address}/documents/validate`, {
      method: 'POST',
      headers,
      body: '<Respond/>',
      ...within(20_000),
    });
    assert.equal(validated.status, 200);
    assert.equal(verdict.parse(await validated.json()).valid, false);
    const order = { to: '+15550100', from: '+15550101', trunk: 'carrier', twiml: '<Response/>' };
    const post = (body: unknown) =>
      fetch(`${address}/calls`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify(body),
        ...within(10_000),
      });
    assert.equal((await post(order)).status, 201);
    assert.equal((await post({ ...order, trunk: 'other' })).status, 422);

    assert.ok(child.pid !== undefined);
    const parsers = descendants(child.pid);
    assert.equal(parsers.length >= 1, true, 'the parser is a process of its own');
    const ended = once(child, 'exit', within(20_000));
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
    assert.deepEqual(await survivors(parsers, 5000), []);
  });

  it('says in a sentence what it cannot start with', async () => {
    const child = start({});
    const [words, [code]] = await Promise.all([
      child.stderr?.setEncoding('utf8').toArray(),
      once(child, 'exit', within(30_000)),
    ]);
    assert.equal(code, 1);
    assert.match(words?.join('') ?? '', /^REDIS_URL is needed/);
  });
});
