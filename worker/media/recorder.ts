/**
 * A branch of the tee that writes both tracks to WAV files (for `DUMP_AUDIO` and the phone's recording).
 * Frames are copied into a bounded buffer; the disk is written off the audio path, and what does not
 * fit while it is slow becomes silence of the same length, counted. Who makes it adds it to the tee,
 * removes it, and then awaits `close`.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { packL16 } from './codec/l16.ts';
import type { AudioFrame, TeeBranch } from './frame.ts';
import { WAV_HEADER_BYTES, wavHeader } from './wav-writer.ts';

/** Ten seconds at 16 kHz. */
const MAX_WAITING_BYTES = 320_000;
const BLOCK_BYTES = 32_000;
/** Half of what a WAV header can count. */
const MAX_FILE_BYTES = 0x7fff_0000;

export interface RecorderOptions {
  /** Paths of the files; null for a track that is not wanted. */
  readonly inbound: string | null;
  readonly outbound: string | null;
}

export class Recorder implements TeeBranch {
  readonly #inbound: TrackFile | null;
  readonly #outbound: TrackFile | null;

  constructor({ inbound, outbound }: RecorderOptions) {
    this.#inbound = inbound === null ? null : new TrackFile(inbound);
    this.#outbound = outbound === null ? null : new TrackFile(outbound);
  }

  beat(_beat: number, inbound: AudioFrame, outbound: AudioFrame): void {
    this.#inbound?.write(inbound);
    this.#outbound?.write(outbound);
  }

  /** Samples that were replaced by silence because the disk was too slow. */
  get lostSamples(): number {
    return (this.#inbound?.lostSamples ?? 0) + (this.#outbound?.lostSamples ?? 0);
  }

  /** Writes what is left and the headers. Rejects with the first error of the disk. Idempotent. */
  async close(): Promise<void> {
    await Promise.all([this.#inbound?.close(), this.#outbound?.close()]);
  }
}

/** One file: blocks wait here and are written one after the other. */
class TrackFile {
  readonly #path: string;
  #rate = 0;
  #block = Buffer.alloc(BLOCK_BYTES);
  #filled = 0;
  /** Bytes to write, or how many bytes of silence to leave out: a hole in a file reads as zeros. */
  #waiting: (Buffer | number)[] = [];
  #waitingBytes = 0;
  #lost = 0;
  #lostSince = 0;
  #taken = 0;
  #file: FileHandle | null = null;
  #written = 0;
  #writing: Promise<void> | null = null;
  #error: unknown = null;
  #closing: Promise<void> | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  get lostSamples(): number {
    return this.#lost;
  }

  write({ samples, rate }: AudioFrame): void {
    if (this.#closing || this.#error !== null) return;
    this.#rate = rate;
    const bytes = samples.length * 2;
    if (this.#taken + bytes > MAX_FILE_BYTES) return;
    this.#taken += bytes;
    if (this.#waitingBytes >= MAX_WAITING_BYTES) {
      this.#lost += samples.length;
      this.#lostSince += samples.length;
      return;
    }
    if (this.#filled + bytes > this.#block.length || this.#lostSince > 0) this.#pushBlock();
    packL16(samples, this.#block.subarray(this.#filled));
    this.#filled += bytes;
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  /** Hands the block over, and behind it the silence for what was lost. */
  #pushBlock(): void {
    if (this.#filled > 0) {
      this.#waiting.push(this.#block.subarray(0, this.#filled));
      this.#waitingBytes += this.#filled;
      this.#block = Buffer.alloc(BLOCK_BYTES);
      this.#filled = 0;
    }
    if (this.#lostSince > 0) this.#waiting.push(this.#lostSince * 2);
    this.#lostSince = 0;
    this.#writing ??= this.#drain();
  }

  async #drain(): Promise<void> {
    try {
      this.#file ??= await open(this.#path, 'w', 0o600);
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        if (typeof next === 'number') {
          this.#written += next;
          continue;
        }
        await this.#file.write(next, 0, next.length, WAV_HEADER_BYTES + this.#written);
        this.#written += next.length;
        this.#waitingBytes -= next.length;
      }
    } catch (error) {
      this.#error ??= error;
      this.#waiting = [];
    } finally {
      this.#writing = null;
    }
  }

  async #finish(): Promise<void> {
    this.#pushBlock();
    while (this.#writing) await this.#writing;
    const file = this.#file;
    try {
      if (this.#error !== null) throw this.#error;
      await file?.truncate(WAV_HEADER_BYTES + this.#written);
      await file?.write(wavHeader(this.#rate || 8000, 1, this.#written), 0, WAV_HEADER_BYTES, 0);
    } finally {
      await file?.close();
    }
  }
}
