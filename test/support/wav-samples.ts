/**
 * A WAV file as samples, for tests that listen to what a foreign phone recorded. Read apart from the product's own
 * reader, so that one cannot hide a mistake of the other.
 */
import { readFileSync } from 'node:fs';

export interface Recording {
  /** The first channel. */
  readonly samples: Int16Array;
  readonly rate: number;
}

const PCM = 1;

/** RIFF with PCM of 16 bits. @throws when it is another kind, or not of the rate that was asked for. */
export function readWav(file: string, rate = 8000): Recording {
  const bytes = readFileSync(file);
  const chunks = chunksOf(bytes);
  const format = chunks.get('fmt ');
  // A phone that was killed early may have written no more than the header.
  const data = chunks.get('data') ?? Buffer.alloc(0);
  if (format === undefined) throw new Error(`${file} has no format`);
  const [kind, channels, found, bits] = [0, 2, 4, 14].map((at) => format.readUInt16LE(at));
  if (kind !== PCM || bits !== 16 || found !== rate) {
    throw new Error(`${file}: PCM of 16 bits at ${rate} Hz is expected, not kind ${kind}, ${bits} bits, ${found} Hz`);
  }
  const step = 2 * (channels ?? 1);
  const samples = new Int16Array(Math.floor(data.length / step));
  for (let index = 0; index < samples.length; index++) samples[index] = data.readInt16LE(index * step);
  return { samples, rate };
}

function chunksOf(bytes: Buffer): ReadonlyMap<string, Buffer> {
  const chunks = new Map<string, Buffer>();
  for (let at = 12; at + 8 <= bytes.length; ) {
    const size = bytes.readUInt32LE(at + 4);
    chunks.set(bytes.toString('latin1', at, at + 4), bytes.subarray(at + 8, at + 8 + size));
    at += 8 + size + (size % 2);
  }
  return chunks;
}

/** Samples as a WAV file: PCM of 16 bits, one channel. */
export function wavOf(samples: Int16Array, rate: number): Buffer {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(36 + samples.length * 2, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(rate, 24);
  header.writeUInt32LE(rate * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(samples.length * 2, 40);
  return Buffer.concat([header, Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)]);
}
