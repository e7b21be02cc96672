/** Many streams whose apps read nothing, and the memory they hold: the socket keeps what it was handed, as ws does. */
import type { StreamSpec } from '../../shared/domain/stream.ts';
import { newCallSid } from '../../shared/kernel/ids.ts';
import { silentLogger } from '../../shared/kernel/log.ts';
import { Playout } from '../../worker/media/playout.ts';
import { FrameTee } from '../../worker/media/tee.ts';
import type { Connect, Connection, ConnectionDelegate } from '../../worker/stream/connection.ts';
import { createStreamOpener } from '../../worker/stream/session.ts';
import type { Stream } from '../../worker/stream/stream.ts';
import { ManualClock } from './clock.ts';
import { heapInUse } from './dice.ts';
import { aStream } from './records.ts';

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

  push(): void {}

  setReading(): void {}

  close(): Promise<void> {
    this.terminate();
    return Promise.resolve();
  }

  terminate(): void {
    this.#held.length = 0;
  }
}

const FRAME = { samples: new Int16Array(160).fill(1234), rate: 8000, encoded: null } as const;
const BEATS_PER_S = 50;
const ignore = (): void => {};
const report = (error: unknown): never => {
  throw error;
};

export class StalledStreams {
  /** Bytes of all of them, open and idle. */
  readonly idle: number;
  readonly #before = heapInUse();
  readonly #tee = new FrameTee(report);
  readonly #streams: readonly Stream[];
  #beat = 0;

  constructor(count: number, spec: Partial<StreamSpec>) {
    const apps: ConnectionDelegate[] = [];
    const connect: Connect = (_order, app) => {
      apps.push(app);
      return new StuckConnection();
    };
    const open = createStreamOpener({ clock: new ManualClock(), log: silentLogger, connect });
    const callSid = newCallSid();
    const call = { accountSid: `AC${'0'.repeat(32)}`, callSid, from: '+1', to: '+2', direction: 'inbound' };
    const delegate = {
      onStarted: ignore,
      onStopped: ignore,
      onPatch: ignore,
      onEntry: ignore,
      onPress: () => true,
      onHangup: ignore,
    };
    this.#streams = Array.from({ length: count }, () => {
      const playout = new Playout({ rate: 8000, report });
      return open({ record: aStream(callSid, spec), call, tee: this.#tee, playout }, delegate);
    });
    for (const app of apps) app.onOpen();
    this.idle = heapInUse() - this.#before;
  }

  /** Goes on until that much audio was made, as fast as it goes; bytes in use then. */
  bytesAfter(seconds: number): number {
    for (; this.#beat < seconds * BEATS_PER_S; this.#beat++) this.#tee.write(this.#beat, FRAME, FRAME);
    return heapInUse() - this.#before;
  }

  close(): void {
    for (const stream of this.#streams) stream.lost();
  }
}
