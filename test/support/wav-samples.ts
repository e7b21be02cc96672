/** A WAV file as samples, for tests that listen to what a foreign phone recorded; sox reads any kind. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Recording {
  /** The first channel. */
  readonly samples: Int16Array;
  readonly rate: number;
}

/** RIFF, PCM of 16 bits; anything else is turned into that by sox first. */
export function readWav(file: string, rate = 8000): Recording {
  const args = ['-V1', file, '-t', 'raw', '-e', 'signed', '-b', '16', '-L', '-c', '1', '-r', String(rate), '-'];
  const raw = isComplete(file) ? execFileSync('sox', args, { maxBuffer: 1 << 28 }) : Buffer.alloc(0);
  const samples = new Int16Array(raw.length >> 1);
  for (let index = 0; index < samples.length; index++) samples[index] = raw.readInt16LE(index * 2);
  return { samples, rate };
}

/** A file that is only a header has nothing to hear. */
const isComplete = (file: string): boolean => readFileSync(file).length > 44;

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
