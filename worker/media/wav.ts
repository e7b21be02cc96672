/**
 * A WAV file read as it arrives, in pieces cut anywhere, down to one byte (RIFF; PROTOCOL AC-89).
 * The header comes from outside: every length is bounded and whatever does not fit is an
 * `AudioFileError`, never noise. Nothing of the file is kept but the bytes of a cut header or sample.
 */
import { type AudioDecoder, AudioFileError } from './audio-file-error.ts';
import { parseWavFormat, type WavFormat } from './wav-format.ts';

type State =
  /** The 12 bytes `RIFF`, size, `WAVE`. */
  | { readonly at: 'riff' }
  /** The 8 bytes of a chunk's name and size. */
  | { readonly at: 'chunk' }
  | { readonly at: 'format'; readonly size: number }
  | { readonly at: 'skip'; left: number }
  | { readonly at: 'data'; left: number }
  | { readonly at: 'end' };

/** Longest header of chunks before the samples. */
const MAX_SKIPPED = 4 * 1024 * 1024;
const MAX_CHUNKS = 64;
const MAX_FORMAT = 4096;
/** Writers that cannot seek leave the size open: 0, or something about 2 or 4 GB. */
const OPEN_SIZE = 0x7fff_0000;
const NONE = new Int16Array(0);

const padded = (size: number): number => size + (size % 2);

export class WavReader implements AudioDecoder {
  #state: State = { at: 'riff' };
  #format: WavFormat | null = null;
  #held = new Uint8Array(MAX_FORMAT + 1);
  #heldLength = 0;
  #skipped = 0;
  #chunks = 0;
  #openRiff = false;

  get rate(): number | null {
    return this.#format?.rate ?? null;
  }

  get ended(): boolean {
    return this.#state.at === 'end';
  }

  push(piece: Uint8Array): Int16Array {
    let at = 0;
    for (;;) {
      const state = this.#state;
      switch (state.at) {
        case 'riff': {
          at = this.#hold(piece, at, 12);
          if (this.#heldLength < 12) return NONE;
          this.#riff(this.#release());
          break;
        }
        case 'chunk': {
          at = this.#hold(piece, at, 8);
          if (this.#heldLength < 8) return NONE;
          this.#state = this.#chunk(this.#release());
          break;
        }
        case 'format': {
          at = this.#hold(piece, at, padded(state.size));
          if (this.#heldLength < padded(state.size)) return NONE;
          this.#format = parseWavFormat(this.#release().subarray(0, state.size));
          this.#state = { at: 'chunk' };
          break;
        }
        case 'skip': {
          const count = Math.min(state.left, piece.length - at);
          state.left -= count;
          at += count;
          if (state.left > 0) return NONE;
          this.#state = { at: 'chunk' };
          break;
        }
        case 'data':
          return this.#data(state, piece.subarray(at));
        case 'end':
          return NONE;
      }
    }
  }

  end(): Int16Array {
    const { at } = this.#state;
    this.#state = { at: 'end' };
    if (at !== 'data' && at !== 'end') throw new AudioFileError('damaged', 'The WAV file ends before its samples.');
    return NONE;
  }

  close(): void {
    this.#state = { at: 'end' };
  }

  /** Collects up to `wanted` bytes; answers with the place in `piece` after those it took. */
  #hold(piece: Uint8Array, at: number, wanted: number): number {
    const count = Math.min(wanted - this.#heldLength, piece.length - at);
    this.#held.set(piece.subarray(at, at + count), this.#heldLength);
    this.#heldLength += count;
    return at + count;
  }

  #release(): Uint8Array {
    const bytes = this.#held.subarray(0, this.#heldLength);
    this.#heldLength = 0;
    return bytes;
  }

  #riff(bytes: Uint8Array): void {
    const text = Buffer.from(bytes).toString('latin1');
    if (text.slice(0, 4) !== 'RIFF' || text.slice(8) !== 'WAVE') {
      throw new AudioFileError('damaged', 'Not a WAV file: no RIFF and WAVE at its start.');
    }
    const size = Buffer.from(bytes).readUInt32LE(4);
    this.#openRiff = size === 0 || size >= OPEN_SIZE;
    this.#state = { at: 'chunk' };
  }

  #chunk(bytes: Uint8Array): State {
    const header = Buffer.from(bytes);
    const name = header.toString('latin1', 0, 4);
    const size = header.readUInt32LE(4);
    if (++this.#chunks > MAX_CHUNKS) throw new AudioFileError('damaged', 'The WAV header has too many chunks.');
    if (name === 'data') {
      if (!this.#format) throw new AudioFileError('damaged', 'The WAV samples come before their format.');
      const open = size >= OPEN_SIZE || (size === 0 && this.#openRiff);
      return { at: 'data', left: open ? Number.POSITIVE_INFINITY : size };
    }
    if (name === 'fmt ') {
      if (this.#format) throw new AudioFileError('damaged', 'The WAV header has two formats.');
      if (size > MAX_FORMAT) throw new AudioFileError('damaged', 'The WAV format chunk is too long.');
      return { at: 'format', size };
    }
    this.#skipped += padded(size);
    if (this.#skipped > MAX_SKIPPED) throw new AudioFileError('damaged', 'The WAV header is too long.');
    return { at: 'skip', left: padded(size) };
  }

  #data(state: { left: number }, bytes: Uint8Array): Int16Array {
    const format = this.#format as WavFormat;
    const block = format.width * format.channels;
    const count = Math.min(state.left, bytes.length);
    state.left -= count;
    const whole = Math.floor((this.#heldLength + count) / block);
    const samples = whole === 0 ? NONE : new Int16Array(whole);
    let at = 0;
    let done = 0;
    if (this.#heldLength > 0) {
      at = this.#hold(bytes.subarray(0, count), 0, block);
      if (this.#heldLength === block) decodeBlocks(format, this.#release(), samples, done++);
    }
    const wholeBytes = (whole - done) * block;
    decodeBlocks(format, bytes.subarray(at, at + wholeBytes), samples, done);
    at += wholeBytes;
    if (at < count) this.#hold(bytes.subarray(0, count), at, block);
    if (state.left === 0) this.#state = { at: 'end' };
    return samples;
  }
}

/** Decodes whole blocks into mono samples from `at` on; two channels become their mean. */
function decodeBlocks(format: WavFormat, bytes: Uint8Array, samples: Int16Array, at: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const { width, read } = format;
  if (format.channels === 1) {
    for (let from = 0, to = at; from < bytes.length; from += width) samples[to++] = read(view, from);
    return;
  }
  for (let from = 0, to = at; from < bytes.length; from += 2 * width) {
    samples[to++] = (read(view, from) + read(view, from + width)) >> 1;
  }
}
