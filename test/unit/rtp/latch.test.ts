import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Latch } from '../../../worker/rtp/latch.ts';
import { newRtpHeader, type RtpHeader } from '../../../worker/rtp/packet.ts';

const signalled = { address: '192.0.2.1', port: 4000 };
const natted = { address: '198.51.100.7', port: 61_000 };
const stranger = { address: '203.0.113.66', port: 4444 };
const packet = (ssrc: number, sequence: number): RtpHeader => ({ ...newRtpHeader(), ssrc, sequence });

/** Feeds `count` packets in sequence and answers with the last judgement. */
function feed(
  latch: Latch,
  source: typeof signalled,
  ssrc: number,
  from: number,
  count: number,
  nowMs: number,
): string {
  let last = '';
  for (let index = 0; index < count; index++) last = latch.judge(source, packet(ssrc, from + index), nowMs);
  return last;
}

describe('guarded latch', () => {
  it('believes the signalled source at its first packet', () => {
    const latch = new Latch();
    latch.signal(signalled);
    assert.equal(latch.judge(signalled, packet(1, 1), 0), 'learned');
    assert.equal(latch.judge(signalled, packet(1, 2), 20), 'accepted');
  });

  it('learns another source after three packets in sequence, and sends there', () => {
    const latch = new Latch();
    latch.signal(signalled);
    assert.equal(feed(latch, natted, 1, 1, 2, 0), 'refused');
    assert.deepEqual(latch.target, signalled);
    assert.equal(latch.judge(natted, packet(1, 3), 40), 'learned');
    assert.deepEqual(latch.target, natted);
  });

  it('RTP from a stranger: refused once latched, however much it sends', () => {
    const latch = new Latch();
    latch.signal(signalled);
    latch.judge(signalled, packet(1, 1), 0);
    for (let beat = 0; beat < 500; beat++) {
      latch.judge(signalled, packet(1, 2 + beat), beat * 20);
      assert.equal(latch.judge(stranger, packet(2, beat), beat * 20), 'refused');
    }
    assert.deepEqual(latch.target, signalled);
    assert.equal(latch.strangers, 500);
  });

  it('a stranger that was faster loses to the signalled source', () => {
    const latch = new Latch();
    latch.signal(signalled);
    assert.equal(feed(latch, stranger, 2, 1, 3, 0), 'learned');
    assert.equal(latch.judge(signalled, packet(1, 1), 10), 'learned');
    assert.equal(feed(latch, stranger, 2, 4, 9, 20), 'refused');
  });

  it('packets out of sequence never pass the probation', () => {
    const latch = new Latch();
    latch.signal(signalled);
    for (let sequence = 100; sequence > 0; sequence -= 10) {
      assert.equal(latch.judge(stranger, packet(2, sequence), 0), 'refused');
    }
  });

  it('follows another source when the old one has been silent', () => {
    const latch = new Latch();
    latch.signal(signalled);
    latch.judge(natted, packet(1, 1), 0);
    feed(latch, natted, 1, 2, 2, 0);
    assert.equal(feed(latch, stranger, 2, 1, 5, 1999), 'refused');
    assert.equal(feed(latch, stranger, 2, 6, 3, 2000), 'learned');
  });

  it('follows a changed NAT binding, which goes on with the SSRC, much sooner', () => {
    const latch = new Latch();
    latch.signal(signalled);
    feed(latch, natted, 1, 1, 3, 0);
    const rebound = { address: natted.address, port: 61_001 };
    assert.equal(feed(latch, rebound, 1, 4, 3, 100), 'refused');
    assert.equal(feed(latch, rebound, 1, 7, 3, 300), 'learned');
  });

  it('opens again when signalling moves the address, and not when it repeats it', () => {
    const latch = new Latch();
    latch.signal(signalled);
    feed(latch, natted, 1, 1, 3, 0);
    latch.signal({ ...signalled });
    assert.deepEqual(latch.target, natted);
    const moved = { address: '192.0.2.9', port: 5000 };
    latch.signal(moved);
    assert.deepEqual(latch.target, moved);
    assert.equal(latch.judge(moved, packet(9, 1), 20), 'learned');
    assert.equal(feed(latch, natted, 1, 4, 5, 20), 'refused');
  });

  it('does not fall back to the source it was moved away from, unless that one is all there is', () => {
    const latch = new Latch();
    latch.signal(signalled);
    latch.judge(signalled, packet(1, 1), 0);
    latch.signal({ address: '192.0.2.9', port: 5000 });
    assert.equal(feed(latch, signalled, 1, 2, 49, 0), 'refused');
    assert.equal(latch.judge(signalled, packet(1, 51), 1000), 'learned');
  });
});
