/**
 * A file of sound, WAV or MP3 by its content and not by what somebody called it, as samples at the
 * leg's rate. For `<Play>` and for the files of a Pivot stream. It decodes as far as it is asked to,
 * so a long file costs neither a burst nor its whole length in memory: who reads sets the pace.
 */
import { type AudioDecoder, AudioFileError } from './audio-file-error.ts';
import { openMp3 } from './mp3.ts';
import { FileResampler } from './resample.ts';
import { WavReader } from './wav.ts';

/** Bytes decoded at a time: a tenth of a second of CD audio; of MP3 two seconds at most, that is a few milliseconds of work. */
const SLICE_BYTES = 16 * 1024;
const MP3_SLICE_BYTES = 2 * 1024;
/** Enough to tell `RIFF`, `ID3` or a frame's sync. */
const SNIFF_BYTES = 4;

/** Bytes in order, cut anywhere. */
export type Pieces = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

export type AudioKind = 'wav' | 'mp3';

/** What the first bytes say it is; null when it is neither, or too short to tell. */
export function sniffAudio(bytes: Uint8Array): AudioKind | null {
  if (bytes.length < SNIFF_BYTES) return null;
  const text = Buffer.from(bytes.subarray(0, 4)).toString('latin1');
  if (text === 'RIFF' || text === 'RIFX' || text === 'RF64') return 'wav';
  if (text.startsWith('ID3')) return 'mp3';
  return bytes[0] === 0xff && ((bytes[1] as number) & 0xe0) === 0xe0 ? 'mp3' : null;
}

/**
 * Decodes the file piece by piece into mono samples at `rate`, each the reader's to keep and never empty.
 * Stopping early (`break`) frees everything. Needs `initMedia`.
 * @throws AudioFileError when it is no sound, or not such as is played; what came before is sound.
 */
export async function* decodeAudio(pieces: Pieces, rate: number): AsyncGenerator<Int16Array, void, void> {
  let decoder: AudioDecoder | null = null;
  const converter = new Converter(rate);
  try {
    for await (const slice of slices(pieces)) {
      decoder ??= await open(slice);
      const samples = converter.push(decoder.push(slice), decoder.rate);
      if (samples.length > 0) yield samples;
      if (decoder.ended) break;
    }
    if (!decoder) throw new AudioFileError('unknown', 'The file is empty.');
    for (const samples of [converter.push(decoder.end(), decoder.rate), converter.end()]) {
      if (samples.length > 0) yield samples;
    }
  } finally {
    decoder?.close();
    converter.close();
  }
}

/** A resampler that is made when the file has told its rate. */
class Converter {
  readonly #to: number;
  #resampler: FileResampler | null = null;

  constructor(to: number) {
    this.#to = to;
  }

  push(samples: Int16Array, from: number | null): Int16Array {
    if (samples.length === 0) return samples;
    this.#resampler ??= new FileResampler(from ?? this.#to, this.#to);
    return this.#resampler.push(samples);
  }

  end(): Int16Array {
    return this.#resampler?.end() ?? new Int16Array(0);
  }

  close(): void {
    this.#resampler?.close();
  }
}

async function open(bytes: Uint8Array): Promise<AudioDecoder> {
  switch (sniffAudio(bytes)) {
    case 'wav':
      return new WavReader();
    case 'mp3':
      return await openMp3();
    case null:
      throw new AudioFileError('unknown', 'The file is neither WAV nor MP3.');
  }
}

/** The pieces cut small, the first one long enough to tell what it is. */
async function* slices(pieces: Pieces): AsyncGenerator<Uint8Array, void, void> {
  let start = new Uint8Array(0);
  let sniffed = false;
  let size = SLICE_BYTES;
  for await (const piece of pieces) {
    let bytes = piece;
    if (!sniffed) {
      bytes = start = Buffer.concat([start, piece]);
      if (start.length < SNIFF_BYTES) continue;
      sniffed = true;
      if (sniffAudio(start) === 'mp3') size = MP3_SLICE_BYTES;
    }
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  if (!sniffed && start.length > 0) yield start;
}
