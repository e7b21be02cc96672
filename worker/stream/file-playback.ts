/**
 * The Pivot way to play: pieces of a WAV or MP3 file, closed and queued by a `mark` (PROTOCOL §2.6, §0 rows 13–18).
 * Files are decoded one after the other away from the audio path; marks keep their order meanwhile.
 * `clear` drops only what came since the last mark. Owned by the bidirectional mode.
 */
import { setImmediate } from 'node:timers/promises';
import { decodeAudio } from '../media/audio-file.ts';
import { AudioFileError } from '../media/audio-file-error.ts';
import { Fifo } from './fifo.ts';
import type { Playback } from './playback.ts';

/** A whole file as mono samples at `rate`, piece by piece. Throws when it cannot be read. */
export type ReadAudioFile = (file: Buffer, rate: number) => AsyncIterable<Int16Array>;

/** The decoder that is used: what the file says it is counts, not what the app calls it. */
export async function* decodeFile(file: Buffer, rate: number): AsyncGenerator<Int16Array, void, void> {
  for await (const samples of decodeAudio([file], rate)) {
    yield samples;
    // Each piece costs milliseconds; the beat of other calls comes in between.
    await setImmediate();
  }
}

type FileKind = 'wav' | 'mp3';

interface Closed {
  readonly file: Buffer;
  readonly name: string;
}

/** Bytes of one file, and of all files that wait to be decoded. */
const MAX_FILE_BYTES = 32 * 1024 * 1024;
const MAX_WAITING = 4_096;

const kinds: Readonly<Record<string, FileKind>> = {
  'audio/wav': 'wav',
  'audio/x-wav': 'wav',
  'audio/mp3': 'mp3',
  'audio/mpeg': 'mp3',
};

/** `problem`: a message that cannot be taken. `broken`: a closed file that is no sound; what came before the fault was played. */
export interface FileListener {
  readonly problem: (detail: string) => void;
  readonly broken: (detail: string) => void;
}

export class FilePlayback {
  readonly #playback: Playback;
  readonly #read: ReadAudioFile;
  readonly #problem: (detail: string) => void;
  readonly #broken: (detail: string) => void;
  #pieces: Buffer[] = [];
  #bytes = 0;
  #waitingBytes = 0;
  /** Of the open buffer: null before its first message, `discard` after one that cannot be played. */
  #kind: FileKind | 'discard' | null = null;
  readonly #closed = new Fifo<Closed>();
  #reading = false;
  readonly #stopped = new AbortController();

  constructor(playback: Playback, read: ReadAudioFile, listener: FileListener) {
    this.#playback = playback;
    this.#read = read;
    this.#problem = listener.problem;
    this.#broken = listener.broken;
  }

  /** A piece. Without an encoding the first piece of a buffer is taken for WAV (§0 row 13). */
  append(payload: Buffer, encoding: string | null): void {
    const kind = encoding === null ? (this.#kind ?? 'wav') : (kinds[encoding] ?? 'discard');
    this.#kind ??= kind;
    if (this.#kind === 'discard') this.#problem('media.format.encoding is not one we play');
    else if (kind !== this.#kind) this.#problem('media.format.encoding changed inside a buffer');
    else if (this.#bytes + this.#waitingBytes + payload.length > MAX_FILE_BYTES) this.#problem('the file is too large');
    else {
      this.#pieces.push(payload);
      this.#bytes += payload.length;
    }
  }

  /** Whether pieces of a file wait for their mark. */
  get isOpen(): boolean {
    return this.#bytes > 0;
  }

  /** Closes the buffer and queues it; its mark comes back when it has been played. At once when it is empty. */
  mark(name: string): void {
    if (this.#bytes === 0) {
      this.clear();
      this.#playback.announce(name);
      return;
    }
    if (this.#closed.length >= MAX_WAITING) {
      this.#problem('too many files are waiting');
      return;
    }
    this.#waitingBytes += this.#bytes;
    this.#closed.push({ file: Buffer.concat(this.#pieces), name });
    this.clear();
    if (!this.#reading) void this.#readAll();
  }

  /** Drops what came since the last mark. */
  clear(): void {
    this.#pieces = [];
    this.#bytes = 0;
    this.#kind = null;
  }

  /** The stream is over: marks of files that were not read yet come back. The playback is ended first. */
  end(): void {
    this.#stopped.abort();
    this.clear();
    for (let closed = this.#closed.shift(); closed; closed = this.#closed.shift()) this.#playback.mark(closed.name);
  }

  async #readAll(): Promise<void> {
    this.#reading = true;
    for (let closed = this.#closed.peek(); closed; closed = this.#closed.peek()) {
      const fault = await this.#play(closed.file);
      if (this.#stopped.signal.aborted) break;
      this.#closed.shift();
      this.#waitingBytes -= closed.file.length;
      if (fault !== null) this.#broken(`the file before mark ${closed.name} cannot be played: ${fault}`);
      this.#playback.mark(closed.name);
    }
    this.#reading = false;
  }

  /** Null when it was played to its end; else what is wrong with it. */
  async #play(file: Buffer): Promise<string | null> {
    try {
      await this.#playback.feed(this.#read(file, this.#playback.rate), this.#stopped.signal);
      return null;
    } catch (error) {
      return error instanceof AudioFileError ? error.message : 'it cannot be read';
    }
  }
}
