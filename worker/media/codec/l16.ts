/**
 * Linear 16-bit audio as streams carry it: little-endian by default (PROTOCOL §10), big-endian where
 * RFC 3551 §4.5.11 is asked for, any rate. Works in buffers of the caller's and does not allocate.
 */
import { Scratch } from '../scratch.ts';

export type Endianness = 'little' | 'big';

const hostIsLittle = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** The buffer as samples, where that is the same little-endian bytes: writing to it packs without a copy in between. Null elsewhere. */
export function samplesWithin(bytes: Uint8Array): Int16Array | null {
  const whole = hostIsLittle && bytes.byteOffset % 2 === 0 && bytes.length % 2 === 0;
  return whole ? new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2) : null;
}

/**
 * Writes the samples as bytes from the start of `bytes`; answers with the bytes written.
 * @throws RangeError when `bytes` is too short.
 */
export function packL16(samples: Int16Array, bytes: Uint8Array, endianness: Endianness = 'little'): number {
  const length = samples.length * 2;
  if (bytes.length < length) throw new RangeError('The buffer is shorter than the samples.');
  if (hostIsLittle && endianness === 'little') {
    bytes.set(new Uint8Array(samples.buffer, samples.byteOffset, length));
    return length;
  }
  const low = endianness === 'little' ? 0 : 1;
  for (let i = 0; i < samples.length; i++) {
    const sample = samples[i] as number;
    bytes[2 * i + low] = sample & 0xff;
    bytes[2 * i + 1 - low] = (sample >> 8) & 0xff;
  }
  return length;
}

/**
 * Reads the whole samples in `bytes`, from byte `from` on, into `samples` from sample `at` on; an odd last byte is left
 * alone. Answers with the samples read.
 * @throws RangeError when `samples` is too short.
 */
export function unpackL16(
  bytes: Uint8Array,
  samples: Int16Array,
  endianness: Endianness = 'little',
  from = 0,
  at = 0,
): number {
  const count = (bytes.length - from) >> 1;
  if (samples.length - at < count) throw new RangeError('The frame is shorter than the bytes.');
  const low = endianness === 'little' ? from : from + 1;
  const high = endianness === 'little' ? from + 1 : from;
  for (let i = 0; i < count; i++) {
    const value = (bytes[2 * i + low] as number) | ((bytes[2 * i + high] as number) << 8);
    samples[at + i] = (value << 16) >> 16;
  }
  return count;
}

/**
 * Left and right, sample by sample, into the start of `stereo`; answers with the samples written.
 * @throws RangeError when the channels differ in length or `stereo` is too short.
 */
export function interleave(left: Int16Array, right: Int16Array, stereo: Int16Array): number {
  const count = left.length;
  if (right.length !== count) throw new RangeError('The channels differ in length.');
  if (stereo.length < 2 * count) throw new RangeError('The frame is shorter than both channels.');
  for (let i = 0; i < count; i++) {
    stereo[2 * i] = left[i] as number;
    stereo[2 * i + 1] = right[i] as number;
  }
  return 2 * count;
}

/**
 * Bytes that arrive cut anywhere, also in the middle of a sample: keeps the odd byte for the next piece.
 * The samples it answers with are lent until the next call.
 */
export class L16Reader {
  readonly #endianness: Endianness;
  #odd = -1;
  readonly #scratch = new Scratch();

  constructor(endianness: Endianness = 'little') {
    this.#endianness = endianness;
  }

  read(piece: Uint8Array): Int16Array {
    const completes = this.#odd >= 0 && piece.length > 0;
    const from = completes ? 1 : 0;
    const samples = this.#scratch.lend((piece.length + from) >> 1);
    if (completes) {
      const first = this.#odd;
      const second = piece[0] as number;
      const value = this.#endianness === 'little' ? first | (second << 8) : (first << 8) | second;
      samples[0] = (value << 16) >> 16;
      this.#odd = -1;
    }
    unpackL16(piece, samples, this.#endianness, from, from);
    if ((piece.length - from) % 2 === 1) this.#odd = piece[piece.length - 1] as number;
    return samples;
  }
}
