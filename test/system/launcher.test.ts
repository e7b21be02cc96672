/** `npm start` as a newcomer uses it: the printed line works as it is, and Ctrl-C leaves nothing behind. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../shared/kernel/clock.ts';
import { withDeadline } from '../../shared/kernel/deadline.ts';
import { descendants, survivors } from '../support/processes.ts';
import { type Owner, suiteOwner } from '../support/suite.ts';

const launcher = fileURLToPath(new URL('../../shared/launch/main.js', import.meta.url));

interface Started {
  readonly child: ChildProcess;
  readonly dataDir: string;
  output(): string;
  until(what: RegExp): Promise<RegExpExecArray>;
  readonly exit: Promise<number | null>;
}

function start(owner: Owner, environment: Record<string, string> = {}): Started {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'pivot-start-'));
  const free = { PORT: '0', SIP_PORT: '0', PHONES_PORT: 'free', WORKER_THREADS: '1' };
  const child = spawn(process.execPath, [launcher], {
    env: { PATH: process.env['PATH'], DATA_DIR: dataDir, ...free, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  const waiting = new Set<() => void>();
  const take = (chunk: Buffer): void => {
    text += chunk.toString();
    for (const look of waiting) look();
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  owner.after(() => {
    child.kill('SIGKILL');
    rmSync(dataDir, { recursive: true, force: true });
  });
  const until = (what: RegExp): Promise<RegExpExecArray> => {
    const found = new Promise<RegExpExecArray>((resolve) => {
      const look = (): void => {
        const match = what.exec(text);
        if (!match) return;
        waiting.delete(look);
        resolve(match);
      };
      waiting.add(look);
      look();
    });
    return withDeadline(systemClock, 30_000, String(what), found).catch((error: unknown) => {
      throw new Error(`${error}; the output:\n${text}`);
    });
  };
  return { child, dataDir, output: () => text, until, exit };
}

describe('npm start', () => {
  const owner = suiteOwner();

  it('prints a curl line that makes a call whose audio the bundled app hears, and ends on Ctrl-C', async () => {
    const started = start(owner);
    await started.until(/Ctrl-C ends it/);
    const curl = /curl[\s\S]*?-d '[^']*'/.exec(started.output())?.[0];
    assert.ok(curl, started.output());
    const placed = spawnSync('sh', ['-c', curl.replace('curl ', 'curl -s ')], { encoding: 'utf8' });
    assert.match(placed.stdout, /"sid":"CA[0-9a-f]{32}"/);
    await started.until(/\[listen\] level/);
    await started.until(/\[listen\] wrote .*\.wav/);

    const below = descendants(started.child.pid ?? 0);
    assert.ok(below.length >= 6, `${below.length} processes`);
    started.child.kill('SIGINT');
    assert.equal(await withDeadline(systemClock, 20_000, 'the end', started.exit), 0, started.output());
    assert.deepEqual(await survivors(below, 1_000), []);
    const left = readdirSync(started.dataDir, { recursive: true }).filter((name) => String(name).endsWith('.sock'));
    assert.deepEqual(left, []);
  });

  it('stops at once on a second Ctrl-C, calls or not', async () => {
    const started = start(owner);
    await started.until(/Ctrl-C ends it/);
    const below = descendants(started.child.pid ?? 0);
    started.child.kill('SIGINT');
    await started.until(/again stops at once/);
    started.child.kill('SIGINT');
    await withDeadline(systemClock, 5_000, 'the end', started.exit);
    assert.deepEqual(await survivors(below, 5_000), []);
  });

  it('says which settings are wrong, all of them, and starts nothing', async () => {
    const started = start(owner, { SIP_PORT: 'abc', RTP_PORTS: '5', LOG_LEVEL: 'loud' });
    assert.equal(await withDeadline(systemClock, 10_000, 'the end', started.exit), 1);
    for (const name of ['SIP_PORT', 'RTP_PORTS', 'LOG_LEVEL']) assert.match(started.output(), new RegExp(name));
  });

  it('names the port that is taken and the setting that moves it, once', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    assert.ok(typeof address === 'object' && address !== null);
    try {
      const started = start(owner, { SIP_PORT: String(address.port) });
      assert.equal(await withDeadline(systemClock, 40_000, 'the end', started.exit), 1);
      assert.equal(started.output().match(/is in use by another program: .*SIP_PORT/g)?.length, 1, started.output());
      assert.doesNotMatch(started.output(), /EADDRINUSE/);
    } finally {
      other.close();
    }
  });

  it('says in one line that Redis is away when REDIS_URL points nowhere', async () => {
    const started = start(owner, { REDIS_URL: 'redis://127.0.0.1:1' });
    assert.equal(await withDeadline(systemClock, 40_000, 'the end', started.exit), 1);
    assert.match(started.output(), /Redis cannot be reached/);
    assert.ok(!existsSync(path.join(started.dataDir, 'redis')));
  });
});
