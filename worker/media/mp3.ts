/**
 * MP3 as it arrives: frames found by `mp3-framer.ts`, decoded by mpg123. A decoder takes a moment to
 * instantiate, so `initMedia` keeps one ready and each one taken is replaced in the background.
 */
import { MPEGDecoder } from 'mpg123-decoder';
import { type AudioDecoder, AudioFileError } from './audio-file-error.ts';
import { saturate } from './mixer.ts';
import { Mp3Framer } from './mp3-framer.ts';

/** Frames that may fail in a file before it is given up. */
const MAX_BAD_FRAMES = 20;
const MAX_SPARE = 2;
const NONE = new Int16Array(0);

const spare: MPEGDecoder[] = [];

async function instantiate(): Promise<MPEGDecoder> {
  const decoder = new MPEGDecoder();
  await decoder.ready;
  return decoder;
}

/** Makes decoders ready, so that the next files need not wait. */
export async function warmMp3(): Promise<void> {
  while (spare.length < MAX_SPARE) spare.push(await instantiate());
}

/** A reader of its own for one file; the caller closes it. */
export async function openMp3(): Promise<Mp3Reader> {
  return new Mp3Reader(spare.pop() ?? (await instantiate()));
}

export class Mp3Reader implements AudioDecoder {
  readonly #framer = new Mp3Framer();
  #decoder: MPEGDecoder | null;
  #bad = 0;

  /** Takes over a decoder that is ready; `close` frees it. */
  constructor(decoder: MPEGDecoder) {
    this.#decoder = decoder;
  }

  get rate(): number | null {
    return this.#framer.rate;
  }

  get ended(): boolean {
    return this.#decoder === null;
  }

  push(piece: Uint8Array): Int16Array {
    return this.#decode(this.#framer.push(piece));
  }

  end(): Int16Array {
    const samples = this.#decode(this.#framer.end());
    if (this.#framer.rate === null) throw new AudioFileError('damaged', 'There is no MP3 audio in the file.');
    return samples;
  }

  close(): void {
    this.#decoder?.free();
    this.#decoder = null;
  }

  #decode(frames: readonly Uint8Array[]): Int16Array {
    const decoder = this.#decoder;
    if (!decoder || frames.length === 0) return NONE;
    const { channelData, samplesDecoded, errors } = decoder.decodeFrames([...frames]);
    this.#bad += errors.length;
    if (this.#bad > MAX_BAD_FRAMES) throw new AudioFileError('damaged', 'Too many frames of the MP3 file are broken.');
    const [left, right] = channelData;
    if (!left || samplesDecoded === 0) return NONE;
    const samples = new Int16Array(samplesDecoded);
    const other = right ?? left;
    for (let i = 0; i < samplesDecoded; i++) {
      samples[i] = saturate(Math.round(((left[i] as number) + (other[i] as number)) * 16_383.5));
    }
    return samples;
  }
}
