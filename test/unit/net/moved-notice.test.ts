/** The notice to an owner that was replaced is believed only from who knows the key, of its own call, and whole. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { newCallSid } from '../../../shared/kernel/ids.ts';
import { readMoved, writeMoved } from '../../../shared/net/moved-notice.ts';

const sid = newCallSid();
const packet = writeMoved('key', sid, 1_800_000_000);

it('tells its version', () => {
  assert.equal(readMoved('key', sid, packet), 1_800_000_000);
  // As it lies in a larger buffer of the socket's.
  const within = Buffer.concat([Buffer.alloc(3), packet, Buffer.alloc(9)]);
  assert.equal(readMoved('key', sid, within.subarray(3, 3 + packet.length)), 1_800_000_000);
});

it('is an RTCP APP packet of its own length', () => {
  assert.equal((packet[0] ?? 0) >> 6, 2);
  assert.equal(packet[1], 204);
  assert.equal(packet.readUInt16BE(2), packet.length / 4 - 1);
});

it('means nothing with another key, for another call, or when a bit of it is another', () => {
  assert.equal(readMoved('other', sid, packet), null);
  assert.equal(readMoved('key', newCallSid(), packet), null);
  for (let bit = 0; bit < packet.length * 8; bit++) {
    const changed = Buffer.from(packet);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.equal(readMoved('key', sid, changed), null, `bit ${bit}`);
  }
  for (let length = 0; length < packet.length; length++)
    assert.equal(readMoved('key', sid, packet.subarray(0, length)), null);
});
