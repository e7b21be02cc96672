/** The host of threads, with threads written for each test: started again, drained, told why they fail. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type Clock, systemClock } from '../../../shared/kernel/clock.ts';
import type { OwnerId } from '../../../shared/kernel/ids.ts';
import { silentLogger } from '../../../shared/kernel/log.ts';
import { ThreadHost, type ThreadHostOptions } from '../../../worker/thread-host.ts';
import { PULSE_EVERY_MS } from '../../../worker/thread-pulse.ts';

let folder: string;

before(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'pivot-threads-'));
});

after(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a thread; `body` sees `parentPort` and `workerData`, whose `parser` is our channel to it. */
function aThread(name: string, body: string): URL {
  const file = path.join(folder, `${name}.mjs`);
  writeFileSync(file, `import { parentPort, workerData } from 'node:worker_threads';\n${body}\n`);
  return pathToFileURL(file);
}

const ready = "parentPort.postMessage({ kind: 'ready' });";
const lives = `parentPort.on('message', ({ kind }) => {
  if (kind === 'pulse') parentPort.postMessage({ kind });
});`;
const endsWhenTold = `${lives} parentPort.on('message', ({ kind }) => {
  if (kind === 'drain') process.exit(0);
});`;

/** Clocks whose pauses are over at once: all but those between two pulses, and these too, nearly. */
const impatient: Clock = {
  ...systemClock,
  after: (ms, fire) => systemClock.after(ms === PULSE_EVERY_MS ? ms : 1, fire),
};
const suspicious: Clock = { ...systemClock, after: (ms, fire) => systemClock.after(ms / 50, fire) };

function aHost(script: URL, count: number, clock = systemClock, onDeath: ThreadHostOptions['onDeath'] = () => {}) {
  const served: number[] = [];
  let stopped = 0;
  let named = 0;
  const seen = new Map<number, () => void>();
  const host = new ThreadHost({
    script,
    count,
    clock,
    log: silentLogger,
    newOwner: (index) => {
      named += 1;
      return `owner-${index}-${named}` as OwnerId;
    },
    onDeath,
    serveParser: (port) => {
      served.push(served.length);
      seen.get(served.length)?.();
      return () => {
        stopped += 1;
        port.close();
      };
    },
  });
  return {
    host,
    stopped: () => stopped,
    /** Resolves when so many threads were started in all. */
    started: (many: number): Promise<void> =>
      served.length >= many ? Promise.resolve() : new Promise((resolve) => seen.set(many, resolve)),
  };
}

describe('the host of threads', () => {
  it('starts as many as asked and ends them all', async () => {
    const { host, stopped } = aHost(aThread('good', ready + endsWhenTold), 3);
    await host.open();
    assert.equal(host.size, 3);
    await host.drain(1000);
    await host.drain(1000);
    assert.deepEqual([host.size, stopped()], [0, 3]);
  });

  it('tells why a thread cannot start, and leaves none behind', async () => {
    const body = `if (workerData.index === 1) throw new Error('no ports'); ${ready} ${endsWhenTold}`;
    const { host } = aHost(aThread('bad', body), 2);
    await assert.rejects(host.open(), /no ports/);
    assert.equal(host.size, 0);
  });

  it('starts a thread again that died, and the others do not notice', async () => {
    const dies = "if (workerData.index === 0) setImmediate(() => { throw new Error('bug'); });";
    const { host, started } = aHost(aThread('dies', `${ready} ${dies} ${endsWhenTold}`), 2, impatient);
    await host.open();
    await started(5);
    assert.ok(host.size >= 1);
    await host.drain(1000);
    assert.equal(host.size, 0);
  });

  it('tells the name of a thread that died, and names the next one anew', async () => {
    const dies = "if (workerData.owner === 'owner-0-1') process.exit(3);";
    const dead: OwnerId[] = [];
    const { host, started } = aHost(aThread('owner', `${ready} ${endsWhenTold} ${dies}`), 2, impatient, (owner) =>
      dead.push(owner),
    );
    await host.open();
    await started(3);
    assert.deepEqual(dead, ['owner-0-1']);
    await host.drain(1000);
  });

  it('shows the figures of the threads that answer, for all who ask at once', async () => {
    const tells = "parentPort.postMessage({ kind: 'figures', values: [{ name: 'of', index: workerData.index }] })";
    const answers = `parentPort.on('message', ({ kind }) => {
      if (kind === 'drain') process.exit(0);
      if (kind === 'figures' && workerData.index !== 1) ${tells};
    });`;
    const { host } = aHost(aThread('figures', ready + answers), 3);
    await host.open();
    const [one, other] = await Promise.all([host.figures(), host.figures()]);
    assert.deepEqual(
      [one, other].map((figures) => figures.flat().map((values) => 'index' in values && values.index)),
      [
        [0, 2],
        [0, 2],
      ],
    );
    await host.drain(1000);
  });

  it('ends a thread that lives no more, tells its name, and starts it again', async () => {
    const hangs = "if (workerData.owner === 'owner-0-1') setImmediate(() => { for (;;); });";
    const dead: OwnerId[] = [];
    const script = aThread('hangs', `${ready} ${endsWhenTold} ${hangs}`);
    const { host, started } = aHost(script, 2, suspicious, (owner) => dead.push(owner));
    await host.open();
    await started(3);
    assert.deepEqual(dead, ['owner-0-1']);
    await host.drain(1000);
    assert.equal(host.size, 0);
  });

  it('ends a thread that does not end by itself', async () => {
    const { host } = aHost(aThread('stuck', `${ready} ${lives}`), 1, impatient);
    await host.open();
    await host.drain(1000);
    assert.equal(host.size, 0);
  });
});
