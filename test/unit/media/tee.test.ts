import assert from 'node:assert/strict';
import test from 'node:test';
import type { AudioFrame, TeeBranch } from '../../../worker/media/frame.ts';
import { FrameTee } from '../../../worker/media/tee.ts';

const frame: AudioFrame = { samples: new Int16Array(160), rate: 8000, encoded: null };

function counting(): TeeBranch & { readonly beats: number[] } {
  const beats: number[] = [];
  return { beats, beat: (beat) => beats.push(beat) };
}

const never = (error: unknown): void => assert.fail(String(error));

test('every branch gets every beat, in the order of joining', () => {
  const tee = new FrameTee(never);
  const order: string[] = [];
  tee.add({ beat: () => order.push('a') });
  tee.add({ beat: (_, inbound, outbound) => order.push(inbound === frame && outbound === frame ? 'b' : '?') });
  tee.write(0, frame, frame);
  tee.write(1, frame, frame);
  assert.deepEqual(order, ['a', 'b', 'a', 'b']);
});

test('AC-84: a branch that throws is removed and reported once, the others miss nothing', () => {
  const reported: unknown[] = [];
  const tee = new FrameTee((error) => reported.push(error));
  const before = counting();
  const after = counting();
  const broken = new Error('broken branch');
  tee.add(before);
  tee.add({
    beat() {
      throw broken;
    },
  });
  tee.add(after);
  for (let beat = 0; beat < 3; beat++) tee.write(beat, frame, frame);
  assert.deepEqual(reported, [broken]);
  assert.deepEqual(before.beats, [0, 1, 2]);
  assert.deepEqual(after.beats, [0, 1, 2]);
  assert.equal(tee.size, 2);
});

test('a branch may remove itself or another in the middle of a beat', () => {
  const tee = new FrameTee(never);
  const last = counting();
  const removers: (() => void)[] = [];
  tee.add({ beat: () => removers.forEach((remove) => void remove()) });
  removers.push(tee.add(counting()), tee.add(last));
  const stays = counting();
  tee.add(stays);
  tee.write(0, frame, frame);
  assert.deepEqual(last.beats, []);
  assert.deepEqual(stays.beats, [0]);
  assert.equal(tee.size, 2);
});

test('a branch that joins during a beat begins with the next; removing twice is harmless', () => {
  const tee = new FrameTee(never);
  const late = counting();
  let remove = (): void => {};
  const removeFirst = tee.add({
    beat() {
      removeFirst();
      remove = tee.add(late);
    },
  });
  tee.write(7, frame, frame);
  tee.write(8, frame, frame);
  assert.deepEqual(late.beats, [8]);
  remove();
  remove();
  removeFirst();
  assert.equal(tee.size, 0);
});
