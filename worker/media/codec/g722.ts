/**
 * G.722 at 64 kbit/s (ITU-T G.722 mode 1): two sub-bands of 8 kHz behind a quadrature mirror filter, six bits
 * for the lower and two for the upper, a byte for two samples of 16 kHz. RTP counts its time as if it
 * were 8 kHz (RFC 3551 §4.5.2). Coders keep state, so each direction of each leg makes its own.
 */
import type { Codec, Decoder, Encoder } from './codec.ts';
import { Band, HIGH, LOW } from './g722-band.ts';
import {
  INVERSE_2,
  INVERSE_4,
  INVERSE_6,
  LOG_STEP_HIGH,
  LOG_STEP_LOW,
  negativeCode,
  positiveCode,
  Q6,
  QMF_TAPS,
} from './g722-tables.ts';

/** Samples a filter looks back from the pair it is at. */
const BEFORE = 22;
/** Samples of a piece: whatever is longer is worked off in several. */
const PIECE = 640;
/** Decision level of the upper sub-band's quantizer. */
const HIGH_LEVEL = 564;

/** The samples a mirror filter sees: those of the piece behind the last of the piece before. */
class FilterLine {
  readonly samples = new Int32Array(BEFORE + PIECE);

  /** Keeps the end of a piece of `count` samples for the next one. */
  passOn(count: number): void {
    this.samples.copyWithin(0, count, count + BEFORE);
  }
}

class G722Encoder implements Encoder {
  readonly #line = new FilterLine();
  readonly #low = new Band(LOW);
  readonly #high = new Band(HIGH);

  /** @throws RangeError also for an odd number of samples. */
  encode(samples: Int16Array, payload: Uint8Array): number {
    const bytes = samples.length >> 1;
    if (samples.length % 2 === 1) throw new RangeError('A byte of G.722 is two samples.');
    if (payload.length < bytes) throw new RangeError('The payload is shorter than the frame.');
    for (let from = 0; from < samples.length; from += PIECE) {
      const count = Math.min(PIECE, samples.length - from);
      const line = this.#line.samples;
      for (let i = 0; i < count; i++) line[BEFORE + i] = samples[from + i] as number;
      for (let at = 0; at < count; at += 2) payload[(from + at) >> 1] = this.#pair(line, at);
      this.#line.passOn(count);
    }
    return bytes;
  }

  /** One byte for the pair of samples at the end of the 24 from `at` on. */
  #pair(line: Int32Array, at: number): number {
    let odd = 0;
    let even = 0;
    for (let tap = 0; tap < 12; tap++) {
      odd = (odd + Math.imul(line[at + 2 * tap] as number, QMF_TAPS[tap] as number)) | 0;
      even = (even + Math.imul(line[at + 2 * tap + 1] as number, QMF_TAPS[11 - tap] as number)) | 0;
    }
    return (encodeHigh(this.#high, (even - odd) >> 14) << 6) | encodeLow(this.#low, (even + odd) >> 14);
  }
}

const within16 = (value: number): number => (value > 32_767 ? 32_767 : Math.max(value, -32_768));

/** [SUBTRA, QUANTL, INVQAL] The difference to what was predicted, in six bits. */
function encodeLow(band: Band, sample: number): number {
  const difference = within16(sample - band.predicted);
  const size = difference < 0 ? ~difference : difference;
  const { scale } = band;
  let interval = 1;
  let above = 30;
  while (interval < above) {
    const middle = (interval + above) >> 1;
    if (size >= Math.imul(Q6[middle] as number, scale) >> 12) interval = middle + 1;
    else above = middle;
  }
  const code = difference < 0 ? negativeCode(interval) : positiveCode(interval);
  band.adapt(Math.imul(scale, INVERSE_4[code >> 2] as number) >> 15, LOG_STEP_LOW[code >> 2] as number);
  return code;
}

/** [SUBTRA, QUANTH, INVQAH] The same in two bits. */
function encodeHigh(band: Band, sample: number): number {
  const difference = within16(sample - band.predicted);
  const size = difference < 0 ? ~difference : difference;
  const { scale } = band;
  const outer = size >= Math.imul(HIGH_LEVEL, scale) >> 12;
  const code = difference < 0 ? (outer ? 0 : 1) : outer ? 2 : 3;
  band.adapt(Math.imul(scale, INVERSE_2[code] as number) >> 15, LOG_STEP_HIGH[code] as number);
  return code;
}

class G722Decoder implements Decoder {
  readonly #line = new FilterLine();
  readonly #low = new Band(LOW);
  readonly #high = new Band(HIGH);

  decode(payload: Uint8Array, samples: Int16Array): number {
    const total = payload.length * 2;
    if (samples.length < total) throw new RangeError('The frame is shorter than the payload.');
    for (let from = 0; from < total; from += PIECE) {
      const count = Math.min(PIECE, total - from);
      for (let at = 0; at < count; at += 2) this.#pair(payload[(from + at) >> 1] as number, at, samples, from + at);
      this.#line.passOn(count);
    }
    return total;
  }

  #pair(code: number, at: number, samples: Int16Array, to: number): void {
    const line = this.#line.samples;
    const low = decodeLow(this.#low, code & 0x3f);
    const high = decodeHigh(this.#high, code >> 6);
    line[BEFORE + at] = low + high;
    line[BEFORE + at + 1] = low - high;
    let odd = 0;
    let even = 0;
    for (let tap = 0; tap < 12; tap++) {
      odd = (odd + Math.imul(line[at + 2 * tap] as number, QMF_TAPS[tap] as number)) | 0;
      even = (even + Math.imul(line[at + 2 * tap + 1] as number, QMF_TAPS[11 - tap] as number)) | 0;
    }
    samples[to] = within16(even >> 11);
    samples[to + 1] = within16(odd >> 11);
  }
}

/** [INVQBL, RECONS, LIMIT] Sound is made of all six bits, the predictor follows the upper four. */
function decodeLow(band: Band, code: number): number {
  const { scale, predicted } = band;
  const sample = predicted + (Math.imul(scale, INVERSE_6[code] as number) >> 15);
  band.adapt(Math.imul(scale, INVERSE_4[code >> 2] as number) >> 15, LOG_STEP_LOW[code >> 2] as number);
  return sample > 16_383 ? 16_383 : Math.max(sample, -16_384);
}

function decodeHigh(band: Band, code: number): number {
  const difference = Math.imul(band.scale, INVERSE_2[code] as number) >> 15;
  const sample = band.predicted + difference;
  band.adapt(difference, LOG_STEP_HIGH[code] as number);
  return sample > 16_383 ? 16_383 : Math.max(sample, -16_384);
}

export const g722: Codec = {
  name: 'G722',
  payloadType: 9,
  clockRate: 8000,
  rate: 16_000,
  frameBytes: 160,
  silence: null,
  mime: null,
  newEncoder: () => new G722Encoder(),
  newDecoder: () => new G722Decoder(),
};
