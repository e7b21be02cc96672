import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  newRtpHeader,
  RTP_HEADER_BYTES,
  RTP_PACKET_MAX_BYTES,
  readRtp,
  writeRtpHeader,
} from '../../../worker/rtp/packet.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

describe('RTP header', () => {
  it('reads a plain PCMU packet', () => {
    const header = newRtpHeader();
    assert.ok(readRtp(bytes('80 80 1234 00010203 deadbeef ff7f'), header));
    assert.deepEqual(header, {
      marker: true,
      payloadType: 0,
      sequence: 0x1234,
      timestamp: 0x00010203,
      ssrc: 0xdeadbeef,
      payloadStart: 12,
      payloadEnd: 14,
    });
  });

  it('steps over CSRCs, an extension and padding', () => {
    const header = newRtpHeader();
    const packet = bytes('b2 08 0001 00000001 00000001 aaaaaaaa bbbbbbbb bede0001 cccccccc 5555 000003');
    assert.ok(readRtp(packet, header));
    assert.deepEqual([...packet.subarray(header.payloadStart, header.payloadEnd)], [0x55, 0x55]);
  });

  const refused: readonly (readonly [string, string])[] = [
    ['eleven bytes', '80 00 0001 00000001 000000'],
    ['version 1', '40 00 0001 00000001 00000001 ff'],
    ['more CSRCs than bytes', '8f 00 0001 00000001 00000001 ff'],
    ['an extension without its header', '90 00 0001 00000001 00000001 bede'],
    ['an extension longer than the packet', '90 00 0001 00000001 00000001 bedeffff 00'],
    ['padding of zero', 'a0 00 0001 00000001 00000001 ff00'],
    ['padding longer than the packet', 'a0 00 0001 00000001 00000001 ffff'],
    ['RTCP', '80 c8 0006 00000001 00000001 00000001'],
  ];
  for (const [what, hex] of refused) {
    it(`refuses ${what}`, () => assert.equal(readRtp(bytes(hex), newRtpHeader()), false));
  }

  it('refuses a packet beyond its bound', () => {
    const packet = new Uint8Array(RTP_PACKET_MAX_BYTES + 1);
    packet[0] = 0x80;
    assert.equal(readRtp(packet, newRtpHeader()), false);
  });

  it('never points outside of the packet, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(15), (packet, low) => {
        if (packet.length > 0) packet[0] = 0x80 | ((low & 3) << 4) | low;
        const header = newRtpHeader();
        if (!readRtp(packet, header)) return;
        assert.ok(header.payloadStart >= RTP_HEADER_BYTES && header.payloadStart <= header.payloadEnd);
        assert.ok(header.payloadEnd <= packet.length);
      }),
    );
  });

  it('reads what it wrote', () => {
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.constantFrom(0, 8, 13, 96, 101, 127),
        fc.nat(0xffff),
        fc.nat(0xffffffff),
        fc.nat(0xffffffff),
        (marker, payloadType, sequence, timestamp, ssrc) => {
          const packet = new Uint8Array(14);
          writeRtpHeader(packet, marker, payloadType, sequence, timestamp, ssrc);
          const header = newRtpHeader();
          assert.ok(readRtp(packet, header));
          assert.deepEqual(header, {
            marker,
            payloadType,
            sequence,
            timestamp,
            ssrc,
            payloadStart: 12,
            payloadEnd: 14,
          });
        },
      ),
    );
  });
});
