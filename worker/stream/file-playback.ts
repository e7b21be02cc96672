/**
 * The Pivot way to play: pieces of a WAV or MP3 file, closed and queued by a `mark` (PROTOCOL §2.6, §0 rows 13–18).
 * Files are decoded one after the other away from the audio path; marks keep their order meanwhile, and bare samples
 * that come after a file wait until it was heard. `clear` drops those, and what came since the last mark, but no file
 * that is closed. Owned by the bidirectional mode.
 */
import { setImmediate } from 'node:timers/promises';
import { decodeAudio } from '../media/audio-file.ts';
import { AudioFileError } from '../media/audio-file-error.ts';
import type { BarePlayback } from './bare-playback.ts';
import { type BareFormat, lengthOf } from './bare-samples.ts';
import { Blocks } from './blocks.ts';
import { Fifo } from './fifo.ts';
import type { Cleared, Playback } from './playback.ts';

/** A whole file, in blocks, as mono samples at `rate`, piece by piece. Throws when it cannot be read. */
export type ReadAudioFile = (file: readonly Buffer[], rate: number) => AsyncIterable<Int16Array>;

/** The decoder that is used: what the file says it is counts, not what the app calls it. */
export async function* decodeFile(file: readonly Buffer[], rate: number): AsyncGenerator<Int16Array, void, void> {
  for await (const samples of decodeAudio(file, rate)) {
    yield samples;
    // Each piece costs milliseconds; the beat of other calls comes in between.
    await setImmediate();
  }
}

type FileKind = 'wav' | 'mp3';

/** Of a live app, behind a file, or too many for once. */
interface BareSamples {
  readonly kind: 'samples';
  readonly bytes: Buffer;
  readonly format: BareFormat;
  /** So many of the bytes are in the playout. */
  played: number;
}

type Waiting =
  | { readonly kind: 'file'; readonly file: readonly Buffer[]; readonly bytes: number; readonly name: string }
  | BareSamples
  | { readonly kind: 'mark'; readonly name: string }
  /** What follows came over another socket. */
  | { readonly kind: 'seam' };

/** Bytes of one file, and of all that waits. */
const MAX_FILE_BYTES = 32 * 1024 * 1024;
const MAX_WAITING = 32_768;

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
  /** Ours, not the file's. */
  readonly bug: (error: unknown) => void;
}

export class FilePlayback {
  readonly #playback: Playback;
  readonly #bare: BarePlayback;
  readonly #read: ReadAudioFile;
  readonly #problem: (detail: string) => void;
  readonly #broken: (detail: string) => void;
  readonly #bug: (error: unknown) => void;
  /** What came of a file since the last mark. */
  readonly #open = new Blocks();
  #waitingBytes = 0;
  /** Of the open buffer: null before its first message, `discard` after one that cannot be played. */
  #kind: FileKind | 'discard' | null = null;
  readonly #waiting = new Fifo<Waiting>();
  #busy = false;
  /** Files that are in the playout. */
  #unheard = 0;
  #wake = (): void => {};
  readonly #stopped = new AbortController();

  constructor(playback: Playback, bare: BarePlayback, read: ReadAudioFile, listener: FileListener) {
    this.#playback = playback;
    this.#bare = bare;
    this.#read = read;
    this.#problem = listener.problem;
    this.#broken = listener.broken;
    this.#bug = listener.bug;
  }

  /** Another socket is open: the file it goes on with is not the one the last left open, nor are samples. */
  begin(): void {
    this.clear();
    if (this.#busy) this.#waiting.push({ kind: 'seam' });
    else this.#bare.forget();
  }

  /** A piece. Without an encoding the first piece of a buffer is taken for WAV (§0 row 13). */
  append(payload: Buffer, encoding: string | null): void {
    const kind = encoding === null ? (this.#kind ?? 'wav') : (kinds[encoding] ?? 'discard');
    this.#kind ??= kind;
    if (this.#kind === 'discard') this.#problem('media.format.encoding is not one we play');
    else if (kind !== this.#kind) this.#problem('media.format.encoding changed inside a buffer');
    else if (this.#open.length + this.#waitingBytes + payload.length > MAX_FILE_BYTES)
      this.#problem('the file is too large');
    else this.#open.append(payload);
  }

  /** Whether pieces of a file wait for their mark. */
  get isOpen(): boolean {
    return this.#open.length > 0;
  }

  /** Closes the buffer and queues it; its mark comes back when it has been played. At once when it is empty. */
  mark(name: string): void {
    const bytes = this.#open.length;
    if (bytes === 0) this.#playback.announce(name);
    else this.#wait({ kind: 'file', file: this.#open.take(), bytes, name });
    this.clear();
  }

  /** A closed file has not been heard to its end, or samples are not all in the playout: what comes now comes behind. */
  get isBusy(): boolean {
    return this.#busy;
  }

  /** What is in the playout is of files, and nothing else is: a clear must leave it. */
  get isSounding(): boolean {
    return this.#unheard > 0;
  }

  /** Samples of a live app, behind the files and what follows them. The bytes are kept. */
  follow(bytes: Buffer, format: BareFormat): void {
    this.#wait({ kind: 'samples', bytes, format, played: 0 });
  }

  /** A mark of a live app, behind the files and what follows them. */
  followingMark(name: string): void {
    this.#wait({ kind: 'mark', name });
  }

  /** Drops what waits of a live app; its marks come back. The files stay. */
  clearFollowing(): Cleared {
    const files: Waiting[] = [];
    const marks: string[] = [];
    let samples = 0;
    for (let item = this.#take(); item; item = this.#take()) {
      if (item.kind === 'file') files.push(item);
      else if (item.kind === 'mark') marks.push(item.name);
      else if (item.kind === 'samples')
        samples += lengthOf(item.bytes.length - item.played, item.format, this.#playback.rate);
    }
    for (const file of files) this.#wait(file);
    return this.#playback.discard(samples, marks);
  }

  /** Drops what came since the last mark. */
  clear(): void {
    this.#open.clear();
    this.#kind = null;
  }

  /** The stream is over: marks of what was not played yet come back. The playback is ended first. */
  end(): void {
    this.#stopped.abort();
    this.#wake();
    this.clear();
    for (let item = this.#take(); item; item = this.#take()) {
      if (item.kind === 'file' || item.kind === 'mark') this.#playback.mark(item.name);
    }
  }

  #wait(item: Waiting): void {
    const bytes = bytesOf(item);
    if (this.#waiting.length >= MAX_WAITING || this.#waitingBytes + bytes > MAX_FILE_BYTES) {
      this.#problem('too much is waiting behind a file');
      return;
    }
    this.#waitingBytes += bytes;
    this.#waiting.push(item);
    if (this.#busy) this.#wake();
    else this.#playAll().catch(this.#bug);
  }

  #take(): Waiting | undefined {
    const item = this.#waiting.shift();
    if (item !== undefined) this.#waitingBytes -= bytesOf(item);
    return item;
  }

  async #playAll(): Promise<void> {
    this.#busy = true;
    while (!this.#stopped.signal.aborted) {
      const item = this.#waiting.peek();
      if (item?.kind === 'file') await this.#playFile(item.file, item.name);
      // Files and live audio are never in the playout together: a clear takes the one and leaves the other.
      else if (this.isSounding) await this.#somethingNew();
      else if (item === undefined) break;
      else if (item.kind === 'samples') await this.#playSamples(item);
      else if (item.kind === 'mark') this.#playMark(item.name);
      else this.#forget();
    }
    this.#busy = false;
  }

  /** Until a file was heard to its end, or something came. */
  #somethingNew(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #forget(): void {
    this.#take();
    this.#bare.forget();
  }

  #playMark(name: string): void {
    this.#take();
    this.#playback.mark(name);
  }

  /** Stay the first in the row until all of them are in the playout, or a clear takes them. */
  async #playSamples(item: BareSamples): Promise<void> {
    const { bytes, format } = item;
    const slice = this.#bare.sliceOf(bytes.length, format);
    for (;;) {
      const from = item.played;
      item.played = Math.min(bytes.length, from + slice);
      this.#bare.play(bytes.subarray(from, item.played), format);
      if (item.played === bytes.length) break;
      await setImmediate();
      if (this.#stopped.signal.aborted || this.#waiting.peek() !== item) return;
    }
    this.#take();
  }

  /** Stays the first in the row while it is read, so that its mark comes back whenever the stream ends. */
  async #playFile(file: readonly Buffer[], name: string): Promise<void> {
    if (!this.isSounding) await new Promise<void>((resolve) => this.#playback.whenPlayed(resolve));
    if (this.#stopped.signal.aborted) return;
    this.#unheard += 1;
    const fault = await this.#play(file);
    if (this.#stopped.signal.aborted) return;
    this.#take();
    if (fault !== null) this.#broken(`the file before mark ${name} cannot be played: ${fault}`);
    this.#playback.mark(name, () => {
      this.#unheard -= 1;
      this.#wake();
    });
  }

  /** Null when it was played to its end; else what is wrong with it. */
  async #play(file: readonly Buffer[]): Promise<string | null> {
    try {
      await this.#playback.feed(this.#read(file, this.#playback.rate), this.#stopped.signal);
      return null;
    } catch (error) {
      return error instanceof AudioFileError ? error.message : 'it cannot be read';
    }
  }
}

function bytesOf(item: Waiting): number {
  switch (item.kind) {
    case 'file':
      return item.bytes;
    case 'samples':
      return item.bytes.length;
    case 'mark':
    case 'seam':
      return 0;
  }
}
