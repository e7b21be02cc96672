import assert from 'node:assert/strict';
import test, { describe, it } from 'node:test';
import { alawCoder, mulawCoder, pcma, pcmu } from '../../../worker/media/codec/g711.ts';
import { sine, snr } from '../../support/tone.ts';

const allBytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);

/** ITU-T G.711 table 2, read as a formula: 16-bit left justified. */
function mulawByTheBook(byte: number): number {
  const inverted = ~byte & 0xff;
  const magnitude = ((((inverted & 0x0f) << 3) + 0x84) << ((inverted >> 4) & 7)) - 0x84;
  return inverted & 0x80 ? 0 - magnitude : magnitude;
}

/** ITU-T G.711 table 1, read as a formula: 16-bit left justified. */
function alawByTheBook(byte: number): number {
  const toggled = byte ^ 0x55;
  const segment = (toggled >> 4) & 7;
  const step = ((toggled & 0x0f) << 4) + 8;
  const magnitude = segment === 0 ? step : (step + 0x100) << (segment - 1);
  return toggled & 0x80 ? magnitude : -magnitude;
}

for (const [name, coder, book] of [
  ['µ-law', mulawCoder, mulawByTheBook],
  ['A-law', alawCoder, alawByTheBook],
] as const) {
  describe(`G.711 ${name}`, () => {
    it('decodes every byte as the standard says', () => {
      const samples = new Int16Array(256);
      assert.equal(coder.decode(allBytes, samples), 256);
      assert.deepEqual(Array.from(samples), Array.from(allBytes, book));
    });

    it('encodes what it decoded to the same sound', () => {
      const samples = new Int16Array(256);
      const again = new Int16Array(256);
      const bytes = new Uint8Array(256);
      coder.decode(allBytes, samples);
      coder.encode(samples, bytes);
      coder.decode(bytes, again);
      assert.deepEqual(again, samples);
    });

    it('picks a level next to each of the 65,536 samples', () => {
      const samples = Int16Array.from({ length: 65_536 }, (_, index) => index - 32_768);
      const bytes = new Uint8Array(65_536);
      const decoded = new Int16Array(65_536);
      coder.encode(samples, bytes);
      coder.decode(bytes, decoded);
      for (const [index, sample] of samples.entries()) {
        const error = Math.abs(sample - (decoded[index] ?? 0));
        assert.ok(error <= Math.max(16, Math.abs(sample) / 16), `sample ${sample} became ${decoded[index]}`);
      }
    });

    it('carries a sine at better than 33 dB from full scale down to -30 dB', () => {
      for (const level of [0.9, 0.3, 0.1, 0.03]) {
        const samples = sine(1004, 400, 8000, level);
        const bytes = new Uint8Array(samples.length);
        const decoded = new Int16Array(samples.length);
        coder.encode(samples, bytes);
        coder.decode(bytes, decoded);
        assert.ok(snr(decoded, 1004, 8000) > 33, `level ${level}: ${snr(decoded, 1004, 8000)} dB`);
      }
    });

    it('writes only the frame into a longer buffer and refuses a shorter one', () => {
      const bytes = new Uint8Array(200).fill(7);
      assert.equal(coder.encode(new Int16Array(160), bytes), 160);
      assert.deepEqual(bytes.subarray(160), new Uint8Array(40).fill(7));
      assert.throws(() => coder.encode(new Int16Array(160), new Uint8Array(159)), RangeError);
      assert.throws(() => coder.decode(new Uint8Array(160), new Int16Array(159)), RangeError);
    });
  });
}

test('silence is FF in µ-law and D5 in A-law, as on every line', () => {
  const bytes = new Uint8Array(1);
  pcmu.newEncoder().encode(new Int16Array(1), bytes);
  assert.equal(bytes[0], 0xff);
  pcma.newEncoder().encode(new Int16Array(1), bytes);
  assert.equal(bytes[0], 0xd5);
});
