/**
 * Finds the frames of an MPEG audio stream (ISO 11172-3, 13818-3) in bytes cut anywhere. The decoder
 * behind it is given whole frames only, of one rate and layer, so that what is not MP3 is found out
 * here and never heard. Skips ID3v2 in front; keeps at most one frame and the header after it.
 */
import { AudioFileError, MAX_FILE_RATE, MIN_FILE_RATE } from './audio-file-error.ts';

interface FrameHeader {
  /** Bytes of the frame with its header. */
  readonly bytes: number;
  readonly rate: number;
  /** Version and layer: what may not change within a file. */
  readonly kind: number;
}

const HEADER_BYTES = 4;
const ID3_BYTES = 10;
/** The longest frame: layer II at 384 kbit/s and 32 kHz has 1728 bytes, MPEG 2.5 layer III less. */
const MAX_FRAME = 4096;
const MAX_HELD = 64 * 1024;
/** Bytes between frames, in all, before the file is given up. */
const MAX_GARBAGE = 64 * 1024;
const MAX_ID3 = 16 * 1024 * 1024;

const RATES = [44_100, 48_000, 32_000];
const BITRATES: Readonly<Record<string, readonly number[]>> = {
  '1/1': [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
  '1/2': [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  '1/3': [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  '2/1': [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
  '2/2': [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
  '2/3': [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
};

/** Null when these four bytes are no header (free format counts as none). */
export function parseFrameHeader(bytes: Uint8Array, at: number): FrameHeader | null {
  const [first, second, third] = [bytes[at] as number, bytes[at + 1] as number, bytes[at + 2] as number];
  if (first !== 0xff || (second & 0xe0) !== 0xe0) return null;
  const version = (second >> 3) & 3;
  const layer = 4 - ((second >> 1) & 3);
  const rateIndex = (third >> 2) & 3;
  if (version === 1 || layer === 4 || rateIndex === 3) return null;
  const half = version === 3 ? 1 : 2;
  const kilobits = BITRATES[`${half}/${layer}`]?.[(third >> 4) - 1];
  if (kilobits === undefined) return null;
  const rate = (RATES[rateIndex] as number) / (version === 3 ? 1 : version === 2 ? 2 : 4);
  const padding = (third >> 1) & 1;
  const slots = layer === 1 ? 12 : layer === 3 && half === 2 ? 72 : 144;
  const length = Math.floor((slots * kilobits * 1000) / rate) + padding;
  return { bytes: layer === 1 ? length * 4 : length, rate, kind: second & 0x1e };
}

export class Mp3Framer {
  #held = new Uint8Array(0);
  #skip = 0;
  #id3Seen = false;
  #garbage = 0;
  #first: FrameHeader | null = null;

  /** Hertz; null until two frames in a row agreed. */
  get rate(): number | null {
    return this.#first?.rate ?? null;
  }

  /** Takes bytes; answers with whole frames, valid as long as the caller keeps them. @throws AudioFileError */
  push(piece: Uint8Array): Uint8Array[] {
    const frames: Uint8Array[] = [];
    for (let at = 0; at < piece.length; at += MAX_HELD) this.#take(piece.subarray(at, at + MAX_HELD), frames);
    return frames;
  }

  /** The last frame has no header behind it. */
  end(): Uint8Array[] {
    const held = this.#held;
    this.#held = new Uint8Array(0);
    const header = held.length >= HEADER_BYTES ? parseFrameHeader(held, 0) : null;
    return header && this.#fits(header) && this.#first && held.length >= header.bytes
      ? [held.subarray(0, header.bytes)]
      : [];
  }

  #take(piece: Uint8Array, frames: Uint8Array[]): void {
    const skipped = Math.min(this.#skip, piece.length);
    this.#skip -= skipped;
    const bytes = new Uint8Array(this.#held.length + piece.length - skipped);
    bytes.set(this.#held);
    bytes.set(piece.subarray(skipped), this.#held.length);
    if (!this.#id3Seen && bytes.length < ID3_BYTES) {
      this.#held = bytes;
      return;
    }
    let at = this.#id3Seen ? 0 : this.#skipId3(bytes);
    while (at < bytes.length) {
      const step = this.#step(bytes, at, frames);
      if (step === 0) break;
      at += step;
    }
    this.#held = bytes.slice(Math.min(at, bytes.length));
  }

  /** Bytes to go on by; 0 when more are needed. */
  #step(bytes: Uint8Array, at: number, frames: Uint8Array[]): number {
    const left = bytes.length - at;
    if (left < HEADER_BYTES) return 0;
    const header = parseFrameHeader(bytes, at);
    if (!header || !this.#fits(header)) return this.#pass(bytes, at);
    if (left < header.bytes + HEADER_BYTES) return 0;
    const next = parseFrameHeader(bytes, at + header.bytes);
    const agreed = next !== null && next.kind === header.kind && next.rate === header.rate;
    if (!this.#first && !agreed) return this.#pass(bytes, at);
    this.#first ??= header;
    frames.push(bytes.subarray(at, at + header.bytes));
    return header.bytes;
  }

  /** Passes over what is no frame, up to the next byte that may begin one. */
  #pass(bytes: Uint8Array, at: number): number {
    const next = bytes.indexOf(0xff, at + 1);
    const count = (next < 0 ? bytes.length : next) - at;
    this.#garbage += count;
    if (this.#garbage > MAX_GARBAGE) {
      throw new AudioFileError('damaged', 'Too much of the MP3 file is not MP3.');
    }
    return count;
  }

  #fits(header: FrameHeader): boolean {
    if (header.bytes < 21 || header.bytes > MAX_FRAME) return false;
    if (header.rate < MIN_FILE_RATE || header.rate > MAX_FILE_RATE) return false;
    return !this.#first || (this.#first.kind === header.kind && this.#first.rate === header.rate);
  }

  /** Whether an ID3v2 tag is in front; answers with where the audio begins in `bytes`. */
  #skipId3(bytes: Uint8Array): number {
    this.#id3Seen = true;
    if (Buffer.from(bytes.subarray(0, 3)).toString('latin1') !== 'ID3') return 0;
    const size = bytes.subarray(6, ID3_BYTES).reduce((sum, byte) => sum * 128 + (byte & 0x7f), 0) + ID3_BYTES;
    if (size > MAX_ID3) throw new AudioFileError('damaged', 'The ID3 tag of the MP3 file is too long.');
    this.#skip = Math.max(0, size - bytes.length);
    return Math.min(size, bytes.length);
  }
}
