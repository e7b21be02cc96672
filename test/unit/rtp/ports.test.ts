import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PortPool, PortsFull, portsOfThread } from '../../../worker/rtp/ports.ts';
import { ManualClock } from '../../support/clock.ts';

describe('RTP port pool', () => {
  it('gives even ports with the next one for RTCP, each once', () => {
    const pool = new PortPool({ low: 20_001, high: 20_008 }, new ManualClock(), 5000, 0);
    const pairs = [pool.take(), pool.take(), pool.take()];
    assert.deepEqual(
      pairs.map(({ rtp, rtcp }) => [rtp, rtcp]),
      [
        [20_002, 20_003],
        [20_004, 20_005],
        [20_006, 20_007],
      ],
    );
    assert.throws(() => pool.take(), PortsFull);
  });

  it('lets a pair rest before it is used again', () => {
    const clock = new ManualClock();
    const pool = new PortPool({ low: 20_000, high: 20_001 }, clock, 5000, 0);
    const pair = pool.take();
    pool.release(pair);
    pool.release(pair);
    clock.advance(4999);
    assert.throws(() => pool.take(), PortsFull);
    assert.deepEqual([pool.used, pool.free, pool.size], [0, 0, 1]);
    clock.advance(1);
    assert.deepEqual([pool.used, pool.free, pool.size], [0, 1, 1]);
    assert.equal(pool.take().rtp, 20_000);
    assert.throws(() => pool.take(), PortsFull);
    assert.equal(pool.used, 1);
  });

  it('begins anywhere in the range and still gives everything', () => {
    const pool = new PortPool({ low: 20_000, high: 20_007 }, new ManualClock(), 0, 0.6);
    assert.deepEqual(
      [pool.take(), pool.take(), pool.take(), pool.take()].map((pair) => pair.rtp),
      [20_004, 20_006, 20_000, 20_002],
    );
  });

  it('divides a range among threads without overlap or hole', () => {
    const parts = [0, 1, 2].map((index) => portsOfThread({ low: 20_000, high: 20_019 }, index, 3));
    assert.deepEqual(parts, [
      { low: 20_000, high: 20_005 },
      { low: 20_006, high: 20_011 },
      { low: 20_012, high: 20_019 },
    ]);
  });
});
