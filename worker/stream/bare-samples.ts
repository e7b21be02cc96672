/**
 * Bare samples from the app, in any of the formats of PROTOCOL §14.4, as samples of the leg's rate.
 * Pieces may be cut anywhere: odd bytes and the resampler's state are carried (AC-89).
 */
import { alawCoder, mulawCoder } from '../media/codec/g711.ts';
import { type Endianness, L16Reader } from '../media/codec/l16.ts';
import { FileResampler } from '../media/resample.ts';
import { Scratch } from '../media/scratch.ts';

export interface BareFormat {
  readonly encoding: 'audio/L16' | 'audio/x-mulaw' | 'audio/x-alaw';
  /** Hertz. */
  readonly sampleRate: number;
  readonly endianness: Endianness;
}

/** The encoding in our spelling, or null when it is not one of bare samples. Compared without case. */
export function bareEncoding(encoding: string): BareFormat['encoding'] | null {
  switch (encoding.toLowerCase()) {
    case 'audio/l16':
      return 'audio/L16';
    case 'audio/x-mulaw':
      return 'audio/x-mulaw';
    case 'audio/x-alaw':
      return 'audio/x-alaw';
    default:
      return null;
  }
}

const rates: ReadonlySet<number> = new Set([8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000]);
export const isBareRate = (rate: number): boolean => rates.has(rate);

/** What it costs to bring a sample to another rate: as much as so many bytes that come in. */
const RESAMPLED = 4;
/** Between rates without a small ratio, whose filter is worked out for each sample. */
const INTERPOLATED = 16;
/** To make a resampler. */
export const RESAMPLER_COST = 16_384;
const hasSmallRatio = (rate: number): boolean => rate % 1000 === 0;

/** What it costs to read bytes of a format at a leg's rate, beyond their coming in: that of so many more bytes. */
export function costOf(bytes: number, { sampleRate, encoding }: BareFormat, rate: number): number {
  if (sampleRate === rate) return 0;
  const samples = encoding === 'audio/L16' ? bytes / 2 : bytes;
  return Math.ceil(samples * (hasSmallRatio(sampleRate) ? RESAMPLED : INTERPOLATED));
}

/** How long they sound, in samples of the leg's rate. */
export function lengthOf(bytes: number, { sampleRate, encoding }: BareFormat, rate: number): number {
  return Math.floor(((encoding === 'audio/L16' ? bytes / 2 : bytes) * rate) / sampleRate);
}

export const sameFormat = (one: BareFormat, other: BareFormat): boolean =>
  one.encoding === other.encoding && one.sampleRate === other.sampleRate && one.endianness === other.endianness;

/** Reads one format at one rate; owned by the playback, which closes it. */
export class BareReader {
  readonly format: BareFormat;
  readonly #linear: L16Reader | null;
  #resampler: FileResampler | null;
  readonly #scratch = new Scratch();

  constructor(format: BareFormat, rate: number) {
    this.format = format;
    this.#linear = format.encoding === 'audio/L16' ? new L16Reader(format.endianness) : null;
    this.#resampler = format.sampleRate === rate ? null : new FileResampler(format.sampleRate, rate);
  }

  /** Samples at the leg's rate; lent until the next call. */
  read(bytes: Uint8Array): Int16Array {
    const samples = this.#linear === null ? this.#decode(bytes) : this.#linear.read(bytes);
    return this.#resampler === null || samples.length === 0 ? samples : this.#resampler.push(samples);
  }

  /** Idempotent. */
  close(): void {
    this.#resampler?.close();
    this.#resampler = null;
  }

  #decode(bytes: Uint8Array): Int16Array {
    const samples = this.#scratch.lend(bytes.length);
    const coder = this.format.encoding === 'audio/x-mulaw' ? mulawCoder : alawCoder;
    coder.decode(bytes, samples);
    return samples;
  }
}
