import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { AudioFrame } from '../../../worker/media/frame.ts';
import { Recorder } from '../../../worker/media/recorder.ts';
import { WavReader } from '../../../worker/media/wav.ts';
import { sine, toneLevel } from '../../support/tone.ts';

const frame = (samples: Int16Array): AudioFrame => ({ samples, rate: 8000, encoded: null });

async function read(file: string): Promise<Int16Array> {
  const reader = new WavReader();
  const samples = reader.push(await readFile(file));
  reader.end();
  return samples;
}

describe('recorder', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'recorder-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('writes each track to its file, every sample of it, from frames that are reused', async () => {
    const [inbound, outbound] = [path.join(folder, 'in.wav'), path.join(folder, 'out.wav')];
    const recorder = new Recorder({ inbound, outbound });
    const [low, high] = [sine(440, 3000, 8000), sine(1000, 3000, 8000)];
    const [one, two] = [new Int16Array(160), new Int16Array(160)];
    for (let beat = 0; beat < 150; beat++) {
      one.set(low.subarray(beat * 160, beat * 160 + 160));
      two.set(high.subarray(beat * 160, beat * 160 + 160));
      recorder.beat(beat, frame(one), frame(two));
    }
    await recorder.close();
    await recorder.close();
    assert.deepEqual(await read(inbound), low);
    assert.deepEqual(await read(outbound), high);
    assert.equal(recorder.lostSamples, 0);
  });

  it('a disk that is too slow costs samples but not time: what is missing is silence', async () => {
    const outbound = path.join(folder, 'slow.wav');
    const recorder = new Recorder({ inbound: null, outbound });
    const tone = sine(450, 20, 8000);
    for (let beat = 0; beat < 1500; beat++) recorder.beat(beat, frame(tone), frame(tone));
    const lost = recorder.lostSamples;
    assert.ok(lost > 0 && lost < 1500 * 160, `${lost} lost`);
    await recorder.close();
    const samples = await read(outbound);
    assert.equal(samples.length, 1500 * 160);
    assert.ok(toneLevel(samples.subarray(0, 8000), 450, 8000) > 0.4, 'the tone is there');
    assert.ok(
      samples.subarray(samples.length - lost).every((sample) => sample === 0),
      'the rest is silence',
    );
  });

  it('nothing to record is an empty file; a folder that is not there is an error at the end', async () => {
    const empty = path.join(folder, 'empty.wav');
    await new Recorder({ inbound: empty, outbound: null }).close();
    assert.equal((await read(empty)).length, 0);
    const nowhere = new Recorder({ inbound: path.join(folder, 'no', 'such.wav'), outbound: null });
    nowhere.beat(0, frame(new Int16Array(160)), frame(new Int16Array(160)));
    await assert.rejects(nowhere.close(), { code: 'ENOENT' });
  });
});
