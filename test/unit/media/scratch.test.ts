import assert from 'node:assert/strict';
import { it } from 'node:test';
import { L16Reader } from '../../../worker/media/codec/l16.ts';
import { Scratch } from '../../../worker/media/scratch.ts';

it('lends what is as long as asked for, and the same again while that does not change', () => {
  const scratch = new Scratch();
  const first = scratch.lend(160);
  assert.equal(first.length, 160);
  assert.equal(scratch.lend(160), first);
  const shorter = scratch.lend(80);
  assert.equal(shorter.length, 80);
  assert.equal(shorter.buffer, first.buffer, 'no new room for less');
  assert.equal(scratch.lend(0).length, 0);
  assert.equal(scratch.lend(320).length, 320);
});

it('a reader of pieces that are alike makes nothing anew, with an odd byte carried or without', () => {
  const reader = new L16Reader();
  const even = reader.read(new Uint8Array(320));
  assert.equal(reader.read(new Uint8Array(320)), even);
  const odd = new L16Reader('big');
  assert.deepEqual([...odd.read(Uint8Array.of(1, 2, 3))], [0x0102]);
  assert.deepEqual([...odd.read(new Uint8Array(0))], []);
  assert.deepEqual([...odd.read(Uint8Array.of(4, 5, 6, 7))], [0x0304, 0x0506]);
  assert.deepEqual([...odd.read(Uint8Array.of(8, 9, 10))], [0x0708, 0x090a]);
});
