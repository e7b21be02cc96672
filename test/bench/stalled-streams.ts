/**
 * Memory of many streams whose apps do not read: `node --import tsx test/bench/stalled-streams.ts 500`. A minute of
 * audio is made as fast as it goes; the kernel takes nothing. Not a test: `test/unit/stream/stalled-memory.test.ts` is
 * one, with fewer streams and the bounds of docs/streams.md.
 */
import type { StreamSpec } from '../../shared/domain/stream.ts';
import { initMedia } from '../../worker/media/init.ts';
import { StalledStreams } from '../support/stalled-streams.ts';

const STREAMS = Number(process.argv[2] ?? 500);
const SECONDS = [10, 60] as const;
const MIB = 2 ** 20;

function measure(what: string, spec: Partial<StreamSpec>): void {
  const stalled = new StalledStreams(STREAMS, spec);
  const row: string[] = [`${(stalled.idle / STREAMS / 1024).toFixed(1)} KiB idle`];
  for (const seconds of SECONDS) {
    const used = stalled.bytesAfter(seconds);
    row.push(`${seconds} s: ${(used / STREAMS / 1024).toFixed(0)} KiB each, ${(used / MIB).toFixed(0)} MiB`);
  }
  console.log(what.padEnd(28), row.join('   '));
  stalled.close();
}

await initMedia();
console.log(`${STREAMS} streams, nobody reads`);
measure('JSON, µ-law 8 kHz', {
  dialect: 'twilio',
  mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 },
});
measure('JSON, L16 8 kHz', {});
measure('JSON, L16 16 kHz stereo', {
  track: 'both',
  mediaFormat: { encoding: 'audio/L16', sampleRate: 16000, channels: 2 },
});
measure('raw, L16 8 kHz', { mode: 'raw' });
