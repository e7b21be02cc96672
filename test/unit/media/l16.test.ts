import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { interleave, L16Reader, packL16, unpackL16 } from '../../../worker/media/codec/l16.ts';

const samples = Int16Array.of(0, 1, -1, 32_767, -32_768, 0x1234);

test('little-endian is low byte first, big-endian high byte first', () => {
  const bytes = Buffer.alloc(12);
  assert.equal(packL16(samples, bytes), 12);
  assert.equal(bytes.toString('hex'), '00000100ffffff7f00803412');
  packL16(samples, bytes, 'big');
  assert.equal(bytes.toString('hex'), '00000001ffff7fff80001234');
});

test('what is packed is unpacked, also from an odd place in memory', () => {
  for (const endianness of ['little', 'big'] as const) {
    const bytes = Buffer.alloc(13).subarray(1);
    packL16(samples, bytes, endianness);
    const back = new Int16Array(6);
    assert.equal(unpackL16(bytes, back, endianness), 6);
    assert.deepEqual(back, samples);
  }
});

test('AC-83: left and right alternate, left first', () => {
  const stereo = new Int16Array(4);
  assert.equal(interleave(Int16Array.of(1, 2), Int16Array.of(-1, -2), stereo), 4);
  assert.deepEqual(stereo, Int16Array.of(1, -1, 2, -2));
  assert.throws(() => interleave(Int16Array.of(1), Int16Array.of(1, 2), stereo), RangeError);
});

test('pieces cut anywhere give the samples of the whole', () => {
  fc.assert(
    fc.property(
      fc.int16Array({ maxLength: 60 }),
      fc.array(fc.nat(7), { maxLength: 40 }),
      fc.constantFrom('little' as const, 'big' as const),
      (whole, cuts, endianness) => {
        const bytes = Buffer.alloc(whole.length * 2);
        packL16(whole, bytes, endianness);
        const reader = new L16Reader(endianness);
        const read: number[] = [];
        let at = 0;
        for (const cut of [...cuts, bytes.length]) {
          read.push(...reader.read(bytes.subarray(at, at + cut)));
          at += cut;
        }
        assert.deepEqual(read, Array.from(whole));
      },
    ),
  );
});
