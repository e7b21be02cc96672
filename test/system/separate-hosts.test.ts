/**
 * Gateway and worker on hosts of their own, as network namespaces: each has an address that the other has not, and the phone
 * reaches both. The file makes the namespaces and runs itself once more in the one of the hub.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../shared/kernel/clock.ts';
import { withDeadline } from '../../shared/kernel/deadline.ts';
import { newAccountSid } from '../../shared/kernel/ids.ts';
import { silentLogger } from '../../shared/kernel/log.ts';
import { Phone } from '../../worker/phones/phone.ts';
import { tone } from '../../worker/phones/sounds.ts';
import { App } from '../support/app.ts';
import { lately, RATE, talk, untilHeard } from '../support/ears.ts';
import { freePort } from '../support/free-ports.ts';
import { GATEWAY_HOST, HUB, makeNamespaces, removeNamespaces, WORKER_HOST } from '../support/namespaces.ts';
import { exited, startServer, untilSaid } from '../support/redis-server.ts';
import { suiteOwner } from '../support/suite.ts';

const own = fileURLToPath(import.meta.url);
const dist = fileURLToPath(new URL('../..', import.meta.url));
const inside = process.env['PIVOT_HOSTS'];
const START_MS = 20_000;

if (inside === undefined) {
  it('a gateway and a worker on hosts of their own', { timeout: 90_000 }, async (test) => {
    let why = '';
    const names = makeNamespaces((reason) => {
      why = reason;
    });
    if (names === null) {
      test.skip(`NOT TRIED: no network namespaces here (${why})`);
      return;
    }
    try {
      const { NODE_TEST_CONTEXT: _mark, ...environment } = process.env;
      const env = { ...environment, PIVOT_HOSTS: `${names.gateway} ${names.worker}` };
      const args = ['netns', 'exec', names.hub, process.execPath, '--test', '--test-reporter=tap', own];
      const { code, output } = await new Promise<{ readonly code: unknown; readonly output: string }>((resolve) => {
        execFile('ip', args, { env, timeout: 80_000 }, (error, stdout, stderr) =>
          resolve({ code: error?.code ?? 0, output: stdout + stderr }),
        );
      });
      assert.equal(code, 0, output);
      assert.match(output, /^# pass 1$/m, output);
    } finally {
      removeNamespaces(names);
    }
  });
} else {
  const [gatewayHost = '', workerHost = ''] = inside.split(' ');
  describe('a gateway and a worker on hosts of their own', () => {
    const owner = suiteOwner();
    const account = { ACCOUNT_SID: newAccountSid(), AUTH_TOKEN: 'a token of the tests' };
    let app: App;
    let api: string;
    let phone: Phone;
    before(async () => {
      const folder = mkdtempSync(path.join(os.tmpdir(), 'pivot-hosts-'));
      owner.after(() => rmSync(folder, { recursive: true, force: true }));
      const redisPort = await freePort();
      const apiPort = await freePort();
      const redis = startServer(folder, { bind: `${HUB} 127.0.0.1`, port: String(redisPort), 'protected-mode': 'no' });
      owner.after(async () => {
        redis.kill('SIGTERM');
        await exited(redis);
      });
      await untilSaid(redisPort, 'PING', /PONG/);
      const shared = {
        ...account,
        PATH: process.env['PATH'] ?? '',
        REDIS_URL: `redis://${HUB}:${redisPort}`,
        DATA_DIR: folder,
        PHONES_PORT: '0',
        SIP_ALLOW: '10.99.0.0/16',
        ALLOW_PRIVATE_ADDRESSES: 'on',
        DRAIN_TIMEOUT: '1s',
        LOG_LEVEL: 'warn',
      };
      // As docker-compose.yml has it: they listen on all addresses and tell the far end the public one.
      await start(gatewayHost, 'worker/gateway/main.js', {
        ...shared,
        SIP_HOST: '0.0.0.0',
        SIP_PUBLIC_ADDRESS: GATEWAY_HOST,
      });
      await start(workerHost, 'worker/main.js', {
        ...shared,
        WORKER_THREADS: '1',
        RTP_HOST: '0.0.0.0',
        RTP_PUBLIC_ADDRESS: WORKER_HOST,
      });
      await start(null, 'api/main.js', { ...shared, HOST: '127.0.0.1', PORT: String(apiPort) });
      api = `http://127.0.0.1:${apiPort}`;
      app = await App.start(owner, HUB);
      phone = new Phone({ host: HUB }, systemClock, silentLogger);
      owner.after(() => phone.close());
      await phone.open();
    });

    it('speak SIP at one address and sound at the other, both ways', async () => {
      const twiml = `<Response><Connect><Stream url="ws://${HUB}:${app.port}/talk" dialect="twilio"/></Connect></Response>`;
      const { status } = await fetch(`${api}/numbers/*`, {
        method: 'PUT',
        headers: {
          Authorization: `Basic ${Buffer.from(`${account.ACCOUNT_SID}:${account.AUTH_TOKEN}`).toString('base64')}`,
          'Content-Type': 'application/json',
        },
        body: JSON.stringify({ twiml }),
      });
      assert.equal(status, 201);
      const call = await phone.call(`sip:+15550300001@${GATEWAY_HOST}:5060`);
      await withDeadline(systemClock, 10_000, 'the answer', call.answered);
      const stream = await app.stream('/talk');
      void call.play(tone(700, 600));
      await untilHeard(lately(stream), 700);
      const recording = call.record();
      talk(stream, 1000, 600);
      await untilHeard(() => recording.samples().subarray(-RATE / 5), 1000);
      stream.socket.close();
      assert.equal((await call.ended).by, 'bye');
    });

    /** Runs a service in a namespace, or here; resolves when it says that it is ready. */
    async function start(host: string | null, main: string, env: Readonly<Record<string, string>>): Promise<void> {
      const program = [process.execPath, path.join(dist, main)];
      const [command = '', ...args] = host === null ? program : ['ip', 'netns', 'exec', host, ...program];
      const child: ChildProcess = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
      owner.after(async () => {
        child.kill('SIGTERM');
        await exited(child);
      });
      let output = '';
      const ready = new Promise<void>((resolve, reject) => {
        for (const pipe of [child.stdout, child.stderr]) {
          pipe?.on('data', (data) => {
            output += data;
            if (/ is ready /.test(output)) resolve();
          });
        }
        child.once('exit', () => reject(new Error(`${main} ended:\n${output}`)));
      });
      await withDeadline(systemClock, START_MS, main, ready);
    }
  });
}
