/** A stream session in a world that stands still: manual clock, a scripted connection, a tee and a real playout. */
import { pino } from 'pino';
import type { TimelineEntry } from '../../../shared/domain/event.ts';
import type { StreamError, StreamPatch, StreamRecord, StreamSpec } from '../../../shared/domain/stream.ts';
import { newCallSid } from '../../../shared/kernel/ids.ts';
import { type AudioFrame, FRAME_MS, type LegRate, type TeeBranch } from '../../../worker/media/frame.ts';
import { initMedia } from '../../../worker/media/init.ts';
import { Playout } from '../../../worker/media/playout.ts';
import type { Connect, Connection, ConnectionDelegate, ConnectOrder } from '../../../worker/stream/connection.ts';
import { failures, type Loss } from '../../../worker/stream/failure.ts';
import type { ReadAudioFile } from '../../../worker/stream/file-playback.ts';
import { createStreamOpener } from '../../../worker/stream/session.ts';
import type { Stream } from '../../../worker/stream/stream.ts';
import { ManualClock } from '../../support/clock.ts';
import { aStream } from '../../support/records.ts';

// The resamplers are WASM, loaded once for each thread.
await initMedia();

/** Messages of a test are looked into without ceremony. */
// biome-ignore lint/suspicious/noExplicitAny: what the app receives is read as an app reads it.
export type Received = any;

/** A connection whose other end is the test. */
export class FakeConnection implements Connection {
  readonly order: ConnectOrder;
  readonly app: ConnectionDelegate;
  readonly messages: Received[] = [];
  readonly binaries: Buffer[] = [];
  ended: 'closed' | 'terminated' | null = null;
  reading = true;
  /** What the kernel did not take: the app reads nothing while this is set. */
  stalled = false;
  bufferedBytes = 0;
  unsent = 0;

  constructor(order: ConnectOrder, app: ConnectionDelegate) {
    this.order = order;
    this.app = app;
  }

  sendText(text: string): void {
    this.#count(text.length);
    this.messages.push(JSON.parse(text));
  }

  sendBinary(bytes: Uint8Array): void {
    this.#count(bytes.length);
    this.binaries.push(Buffer.from(bytes));
  }

  setReading(reading: boolean): void {
    this.reading = reading;
  }

  close(): Promise<void> {
    this.ended = 'closed';
    return Promise.resolve();
  }

  push(): void {}

  terminate(): void {
    this.ended ??= 'terminated';
  }

  of(event: string): Received[] {
    return this.messages.filter((message) => message.event === event);
  }

  recover(): void {
    this.stalled = false;
    this.bufferedBytes = 0;
    this.unsent = 0;
  }

  lose(closeCode: number | null = null): void {
    const stage = closeCode === null ? 'lost' : 'closed';
    const loss: Loss = { error: failures.abrupt, stage, retryable: true, closeCode };
    this.app.onGone(loss);
  }

  #count(bytes: number): void {
    if (!this.stalled) return;
    this.bufferedBytes += bytes;
    this.unsent += 1;
  }
}

export interface WorldOptions {
  readonly rate?: LegRate;
  readonly readAudioFile?: ReadAudioFile;
  /** Real sockets in place of scripted ones. */
  readonly connect?: Connect;
  /** What an owner of the call before this one had written down of the stream. */
  readonly resumed?: Partial<StreamRecord>;
  readonly beganAt?: string;
}

export class World {
  readonly clock = new ManualClock();
  readonly connections: FakeConnection[] = [];
  readonly patches: StreamPatch[] = [];
  readonly entries: TimelineEntry[] = [];
  readonly stops: { reason: string; error: StreamError | null }[] = [];
  readonly pressed: string[] = [];
  /** Whether the call takes digits. */
  pressing = true;
  readonly logged: string[] = [];
  hangups = 0;
  started = 0;
  readonly playout: Playout;
  readonly stream: Stream;
  readonly branches = new Set<TeeBranch>();
  readonly heard: Int16Array[] = [];
  readonly #rate: LegRate;
  #beat = 0;

  constructor(
    spec: Partial<StreamSpec> = {},
    { rate = 8000, readAudioFile, connect, resumed, beganAt }: WorldOptions = {},
  ) {
    this.#rate = rate;
    this.playout = new Playout({
      rate,
      report: (error) => {
        throw error;
      },
    });
    const open = createStreamOpener({
      clock: this.clock,
      log: pino({ level: 'trace' }, { write: (line: string) => this.logged.push(line) }),
      connect:
        connect ??
        ((order, delegate) => {
          const connection = new FakeConnection(order, delegate);
          this.connections.push(connection);
          return connection;
        }),
      ...(readAudioFile === undefined ? {} : { readAudioFile }),
    });
    const callSid = newCallSid();
    this.stream = open(
      {
        record: { ...aStream(callSid, spec), ...resumed },
        call: { accountSid: `AC${'0'.repeat(32)}`, callSid, from: '+1', to: '+2', direction: 'inbound' },
        tee: {
          add: (branch) => {
            this.branches.add(branch);
            return () => this.branches.delete(branch);
          },
        },
        playout: this.playout,
        resumed: resumed !== undefined,
        ...(beganAt === undefined ? {} : { beganAt }),
      },
      {
        onStarted: () => {
          this.started += 1;
        },
        onStopped: (reason, error) => this.stops.push({ reason, error }),
        onPatch: (patch) => this.patches.push(patch),
        onEntry: (entry) => this.entries.push(entry),
        onPress: (digits) => {
          if (this.pressing) this.pressed.push(digits);
          return this.pressing;
        },
        onHangup: () => {
          this.hangups += 1;
        },
      },
    );
  }

  /** The newest connection. */
  get connection(): FakeConnection {
    const newest = this.connections.at(-1);
    if (newest === undefined) throw new Error('nothing was dialled');
    return newest;
  }

  open(): this {
    // Of a socket that is not open nothing is read, whatever a test made it say.
    this.connection.reading = true;
    this.connection.app.onOpen();
    return this;
  }

  /** Runs `count` beats; both tracks carry what is given, silence by default. */
  beats(count: number, inbound: Partial<AudioFrame> = {}, outbound: Partial<AudioFrame> = {}): this {
    for (let ran = 0; ran < count; ran++) {
      const played = new Int16Array(this.#rate / 50);
      this.playout.next(played);
      this.heard.push(played);
      for (const branch of this.branches) branch.beat(this.#beat, this.#frame(inbound), this.#frame(outbound));
      this.#beat += 1;
      this.clock.advance(FRAME_MS);
    }
    return this;
  }

  /** The app sends. */
  say(message: object): this {
    this.connection.app.onText(JSON.stringify({ streamSid: this.stream.sid, ...message }));
    return this;
  }

  /** `ms` of bare µ-law from the app. */
  talk(ms: number, byte = 0x80): this {
    return this.say({ event: 'media', media: { payload: Buffer.alloc(ms * 8, byte).toString('base64') } });
  }

  /** Milliseconds heard so far, silence not counted. */
  get heardMs(): number {
    const sounding = this.heard.reduce((sum, frame) => sum + frame.filter((sample) => sample !== 0).length, 0);
    return (sounding * 1000) / this.#rate;
  }

  warnings(code: number): number {
    return this.entries.filter((entry) => entry.type === 'stream.warning' && entry.code === code).length;
  }

  #frame(own: Partial<AudioFrame>): AudioFrame {
    return { samples: new Int16Array(this.#rate / 50), rate: this.#rate, encoded: null, ...own };
  }
}

/** Lets promises of the session settle. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export const mulaw = { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 } as const;
export const twilio = { dialect: 'twilio', mediaFormat: mulaw } as const;
