import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Reception } from '../../../worker/rtp/reception.ts';
import { buildReport, readReport } from '../../../worker/rtp/rtcp.ts';

const NOW = 1_700_000_000_500;

describe('reception figures', () => {
  it('counts losses over a wrap, in total and since the last report', () => {
    const reception = new Reception();
    for (let index = 0; index < 100; index++) {
      if (index % 10 !== 3) reception.count(5, (65_500 + index) & 0xffff, index * 160, index * 20, 8000, true);
    }
    const figures = reception.report();
    assert.equal(figures?.totalLost, 10);
    assert.equal(figures?.fractionLost, Math.floor((10 * 256) / 100));
    assert.equal(figures?.highestSequence, 65_599);
    assert.equal(figures?.jitter, 0);
    assert.equal(reception.report()?.fractionLost, 0);
  });

  it('measures jitter as the standard does', () => {
    const reception = new Reception();
    for (let index = 0; index < 500; index++) {
      reception.count(5, index, index * 160, index * 20 + (index % 2) * 10, 8000, true);
    }
    assert.ok(Math.abs((reception.report()?.jitter ?? 0) - 80) <= 1, 'every second packet 10 ms late: 80 units');
  });

  it('begins anew with a new source', () => {
    const reception = new Reception();
    reception.count(5, 10, 0, 0, 8000, true);
    reception.count(6, 40_000, 0, 0, 8000, true);
    assert.deepEqual(reception.report(), {
      ssrc: 6,
      fractionLost: 0,
      totalLost: 0,
      highestSequence: 40_000,
      jitter: 0,
    });
  });
});

describe('RTCP reports', () => {
  const sender = { ssrc: 1, packets: 50, octets: 8000, timestamp: 16_000 };

  it('a sender report and its echo give the round trip', () => {
    const first = readReport(buildReport(sender, null, null, 'x', NOW), 99, NOW);
    assert.ok(first !== null && first.senderReport !== null);
    assert.equal(first.ssrc, 1);
    const theirs = { ssrc: 99, packets: 0, octets: 0, timestamp: 0 };
    const reception = { ssrc: 1, fractionLost: 3, totalLost: 2, highestSequence: 70_000, jitter: 12 };
    const back = buildReport(theirs, reception, { middle: first.senderReport, atMs: NOW + 30 }, 'y', NOW + 230);
    const report = readReport(back, 1, NOW + 260);
    assert.equal(report?.senderReport, null);
    assert.deepEqual(report?.about, { fractionLost: 3, totalLost: 2, jitter: 12 });
    assert.ok(Math.abs((report?.roundTripMs ?? 0) - 60) < 1, `${report?.roundTripMs} ms`);
  });

  it('takes no harm from any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), fc.constantFrom(200, 201, 202, 205, 207), (bytes, type) => {
        if (bytes.length > 1) bytes.set([0x81, type]);
        readReport(bytes, 1, NOW);
      }),
    );
    assert.equal(readReport(new Uint8Array(4000), 1, NOW), null);
  });

  it('takes no harm from a report with any byte changed', () => {
    const good = buildReport(sender, null, null, 'cname', NOW);
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, value) => {
        const bad = good.slice();
        bad[at] = value;
        readReport(bad, 1, NOW);
      }),
    );
  });
});
