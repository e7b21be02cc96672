/** The demo runs, believes itself, and leaves sound, a picture and a timeline behind. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../shared/kernel/clock.ts';
import { withDeadline } from '../../shared/kernel/deadline.ts';
import { WavReader } from '../../worker/media/wav.ts';
import { descendants, survivors } from '../support/processes.ts';
import { rms } from '../support/tone.ts';

const demo = fileURLToPath(new URL('../../examples/demo/main.js', import.meta.url));
/** It promises well under a minute. */
const DEADLINE_MS = 60_000;

it('the demo ends well, in order, and leaves nothing running', async (t) => {
  const outDir = mkdtempSync(path.join(os.tmpdir(), 'pivot-demo-'));
  t.after(() => rmSync(outDir, { recursive: true, force: true }));
  const child = spawn(process.execPath, [demo], {
    env: { PATH: process.env['PATH'], OUT_DIR: outDir },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  let output = '';
  let below: readonly number[] = [];
  const take = (chunk: Buffer): void => {
    output += chunk.toString();
    if (below.length === 0 && output.includes('The call:')) below = descendants(child.pid ?? 0);
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  const exit = new Promise<number | null>((resolve) => child.once('close', resolve));
  assert.equal(await withDeadline(systemClock, DEADLINE_MS, 'the demo', exit), 0, output);
  assert.ok(!output.includes('✗'), output);
  assert.ok(below.length >= 4, `${below.length} processes`);
  assert.deepEqual(await survivors(below, 1000), []);

  assert.deepEqual(readdirSync(outDir).sort(), [
    'app-inbound.wav',
    'app-outbound.wav',
    'call.png',
    'call.svg',
    'phone-heard.wav',
    'timeline.json',
  ]);
  const read = (name: string): Buffer => readFileSync(path.join(outDir, name));
  for (const name of ['app-inbound.wav', 'app-outbound.wav', 'phone-heard.wav']) {
    const reader = new WavReader();
    const samples = reader.push(read(name));
    reader.end();
    assert.ok(samples.length > 8000 * 5, `${name} has ${samples.length} samples`);
    assert.ok(rms(samples) > 0.01, `${name} is silent: ${rms(samples)}`);
  }
  const png = read('call.png');
  assert.equal(png.subarray(0, 8).toString('hex'), '89504e470d0a1a0a');
  assert.equal(png.subarray(12, 16).toString('latin1'), 'IHDR');
  const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
  assert.ok(width >= 600 && height >= 300, `${width} × ${height}`);
  const timeline: unknown = JSON.parse(read('timeline.json').toString());
  assert.ok(Array.isArray(timeline) && timeline.at(-1).type === 'call.ended', JSON.stringify(timeline));
});
