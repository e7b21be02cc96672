/** Why a file of sound cannot be played. Expected: the file is the developer's, or the caller's. */

export type AudioFileFault =
  /** Neither WAV nor MP3. */
  | 'unknown'
  /** A kind of WAV or MP3 that is not played: coding, channels, rate. */
  | 'unsupported'
  /** Says one thing and is another, or ends in its header. */
  | 'damaged';

export class AudioFileError extends Error {
  override readonly name = 'AudioFileError';
  readonly fault: AudioFileFault;

  constructor(fault: AudioFileFault, message: string) {
    super(message);
    this.fault = fault;
  }
}

/** What each kind of file offers; `audio-file.ts` chooses by content. */
export interface AudioDecoder {
  /** Hertz of the samples; null until the header has been read. */
  readonly rate: number | null;
  /** True once nothing more will come, whatever is pushed. */
  readonly ended: boolean;
  /**
   * Takes the next bytes, cut anywhere; answers with the mono samples they gave, the caller's to keep.
   * @throws AudioFileError
   */
  push(piece: Uint8Array): Int16Array;
  /** No more bytes; answers with the last samples. @throws AudioFileError when the file ends inside its header. */
  end(): Int16Array;
  /** Frees what the garbage collector does not. Idempotent. */
  close(): void;
}

/** Rates outside are refused, PROTOCOL has none of them. */
export const MIN_FILE_RATE = 4000;
export const MAX_FILE_RATE = 192_000;
