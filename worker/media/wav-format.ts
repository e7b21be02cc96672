/**
 * The `fmt ` chunk of a WAV file (RIFF MCI, Microsoft's WAVEFORMATEX and WAVEFORMATEXTENSIBLE):
 * what is accepted, and how one sample of it is read.
 */
import { AudioFileError, MAX_FILE_RATE, MIN_FILE_RATE } from './audio-file-error.ts';
import { alawCoder, mulawCoder } from './codec/g711.ts';

/** Reads the sample that starts at byte `at`. */
type ReadSample = (view: DataView, at: number) => number;

export interface WavFormat {
  readonly rate: number;
  readonly channels: 1 | 2;
  /** Bytes of one sample of one channel. */
  readonly width: number;
  readonly read: ReadSample;
}

const PCM = 1;
const FLOAT = 3;
const ALAW = 6;
const MULAW = 7;
const EXTENSIBLE = 0xfffe;
/** The last 14 bytes of the sub-format GUIDs that wrap a plain tag. */
const GUID_TAIL = '000000001000800000aa00389b71';

const byteTable = (coder: typeof mulawCoder): ReadSample => {
  const table = new Int16Array(256);
  coder.decode(
    Uint8Array.from({ length: 256 }, (_, byte) => byte),
    table,
  );
  return (view, at) => table[view.getUint8(at)] as number;
};

const fromUnit = (value: number): number => {
  if (!(value > -1)) return value <= -1 ? -32_768 : 0;
  return value >= 1 ? 32_767 : Math.round(value * 32_767);
};

const readers: Readonly<Record<string, ReadSample>> = {
  [`${PCM}/8`]: (view, at) => (view.getUint8(at) - 128) << 8,
  [`${PCM}/16`]: (view, at) => view.getInt16(at, true),
  [`${PCM}/24`]: (view, at) => view.getInt16(at + 1, true),
  [`${PCM}/32`]: (view, at) => view.getInt16(at + 2, true),
  [`${FLOAT}/32`]: (view, at) => fromUnit(view.getFloat32(at, true)),
  [`${FLOAT}/64`]: (view, at) => fromUnit(view.getFloat64(at, true)),
  [`${ALAW}/8`]: byteTable(alawCoder),
  [`${MULAW}/8`]: byteTable(mulawCoder),
};

/** @throws AudioFileError when it is not a format that is played, or contradicts itself. */
export function parseWavFormat(chunk: Uint8Array): WavFormat {
  if (chunk.length < 16) throw new AudioFileError('damaged', 'The WAV format chunk is too short.');
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
  const channels = view.getUint16(2, true);
  const rate = view.getUint32(4, true);
  const bits = view.getUint16(14, true);
  const tag = plainTag(chunk, view);
  if (channels !== 1 && channels !== 2) {
    throw new AudioFileError('unsupported', `WAV with ${channels} channels; one or two are played.`);
  }
  if (rate < MIN_FILE_RATE || rate > MAX_FILE_RATE) {
    throw new AudioFileError('unsupported', `WAV with ${rate} samples a second; 4000 to 192000 are played.`);
  }
  const read = readers[`${tag}/${bits}`];
  if (!read) throw new AudioFileError('unsupported', `WAV with format ${tag} of ${bits} bits.`);
  const width = bits / 8;
  if (view.getUint16(12, true) !== width * channels) {
    throw new AudioFileError('damaged', 'The WAV block size does not fit its sample size.');
  }
  return { rate, channels, width, read };
}

function plainTag(chunk: Uint8Array, view: DataView): number {
  const tag = view.getUint16(0, true);
  if (tag !== EXTENSIBLE) return tag;
  if (chunk.length < 40) throw new AudioFileError('damaged', 'The extensible WAV format chunk is too short.');
  const tail = Buffer.from(chunk.subarray(26, 40)).toString('hex');
  if (tail !== GUID_TAIL) throw new AudioFileError('unsupported', 'WAV with an unknown sub-format.');
  return view.getUint16(24, true);
}
