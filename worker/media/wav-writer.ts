/** The header of a 16-bit PCM WAV file, and whole files of it from samples (RIFF; little-endian). */
import { packL16 } from './codec/l16.ts';

export const WAV_HEADER_BYTES = 44;

/** The 44 bytes in front of `dataBytes` bytes of samples. */
export function wavHeader(rate: number, channels: 1 | 2, dataBytes: number): Buffer {
  const header = Buffer.alloc(WAV_HEADER_BYTES);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(36 + dataBytes, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(channels, 22);
  header.writeUInt32LE(rate, 24);
  header.writeUInt32LE(rate * channels * 2, 28);
  header.writeUInt16LE(channels * 2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(dataBytes, 40);
  return header;
}

/** A whole file; the samples of two channels are interleaved. */
export function wavFile(samples: Int16Array, rate: number, channels: 1 | 2 = 1): Buffer {
  const file = Buffer.alloc(WAV_HEADER_BYTES + samples.length * 2);
  wavHeader(rate, channels, samples.length * 2).copy(file);
  packL16(samples, file.subarray(WAV_HEADER_BYTES));
  return file;
}
