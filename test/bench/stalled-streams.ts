/**
 * Memory of many streams whose apps do not read: `node --import tsx test/bench/stalled-streams.ts 500`. A minute of
 * audio is made as fast as it goes; the socket keeps what it was handed, as ws does, and the kernel takes nothing.
 * Not a test; the bound it shows, 10 s of audio a stream, is held in `test/unit/stream/slow-and-dead.test.ts`.
 */
import type { StreamSpec } from '../../shared/domain/stream.ts';
import { newCallSid } from '../../shared/kernel/ids.ts';
import { silentLogger } from '../../shared/kernel/log.ts';
import { initMedia } from '../../worker/media/init.ts';
import { Playout } from '../../worker/media/playout.ts';
import { FrameTee } from '../../worker/media/tee.ts';
import type { Connect, Connection, ConnectionDelegate } from '../../worker/stream/connection.ts';
import { createStreamOpener } from '../../worker/stream/session.ts';
import type { Stream } from '../../worker/stream/stream.ts';
import { ManualClock } from '../support/clock.ts';
import { heapInUse } from '../support/dice.ts';
import { aStream } from '../support/records.ts';

const STREAMS = Number(process.argv[2] ?? 500);
const SECONDS = [10, 60] as const;
const MIB = 2 ** 20;

/** An open socket to an app that reads nothing. */
class StuckConnection implements Connection {
  readonly #held: Uint8Array[] = [];
  bufferedBytes = 0;

  get unsent(): number {
    return this.#held.length;
  }

  sendText(text: string): void {
    this.sendBinary(Buffer.from(text));
  }

  sendBinary(bytes: Uint8Array): void {
    this.#held.push(Uint8Array.from(bytes));
    this.bufferedBytes += bytes.length;
  }

  setReading(): void {}

  close(): Promise<void> {
    this.terminate();
    return Promise.resolve();
  }

  terminate(): void {
    this.#held.length = 0;
  }
}

function measure(what: string, spec: Partial<StreamSpec>): void {
  const before = heapInUse();
  const report = (error: unknown): void => console.error(error);
  const tee = new FrameTee(report);
  const apps: ConnectionDelegate[] = [];
  const connect: Connect = (_order, app) => {
    apps.push(app);
    return new StuckConnection();
  };
  const open = createStreamOpener({ clock: new ManualClock(), log: silentLogger, connect });
  const callSid = newCallSid();
  const call = { accountSid: `AC${'0'.repeat(32)}`, callSid, from: '+1', to: '+2', direction: 'inbound' };
  const ignore = (): void => {};
  const delegate = {
    onStarted: ignore,
    onStopped: ignore,
    onPatch: ignore,
    onEntry: ignore,
    onPress: ignore,
    onHangup: ignore,
  };
  const streams: Stream[] = [];
  for (let made = 0; made < STREAMS; made++) {
    const playout = new Playout({ rate: 8000, report });
    streams.push(open({ record: aStream(callSid, spec), call, tee, playout }, delegate));
  }
  for (const app of apps) app.onOpen();
  const idle = heapInUse() - before;
  const frame = { samples: new Int16Array(160).fill(1234), rate: 8000, encoded: null } as const;
  const row: string[] = [`${(idle / STREAMS / 1024).toFixed(1)} KiB idle`];
  let beat = 0;
  for (const seconds of SECONDS) {
    for (; beat < seconds * 50; beat++) tee.write(beat, frame, frame);
    const used = heapInUse() - before;
    row.push(`${seconds} s: ${(used / STREAMS / 1024).toFixed(0)} KiB each, ${(used / MIB).toFixed(0)} MiB`);
  }
  console.log(what.padEnd(28), row.join('   '));
  for (const stream of streams) stream.lost();
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
