/** A stream the document opens a while after the answer: what was said meanwhile comes first, in its true place. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StreamRecord, StreamSpec } from '../../../shared/domain/stream.ts';
import { newCallSid } from '../../../shared/kernel/ids.ts';
import { silentLogger } from '../../../shared/kernel/log.ts';
import { Playout } from '../../../worker/media/playout.ts';
import { FrameTee } from '../../../worker/media/tee.ts';
import { createStreamOpener } from '../../../worker/stream/session.ts';
import { ManualClock } from '../../support/clock.ts';
import { aStream } from '../../support/records.ts';
import { FakeConnection, mulaw, type Received, twilio } from './world.ts';

const ignore = (): void => {};
const delegate = {
  onStarted: ignore,
  onStopped: ignore,
  onPatch: ignore,
  onEntry: ignore,
  onPress: () => true,
  onHangup: ignore,
};

/** A leg that has just been answered. In beat n the caller says n, and we say 1000 + n. */
class Answered {
  readonly #tee = new FrameTee((error) => {
    throw error;
  });
  readonly playout = new Playout({ rate: 8000, report: ignore });
  readonly #connections: FakeConnection[] = [];
  #beat = 0;

  constructor() {
    this.#tee.remember();
  }

  beats(count: number): void {
    for (let ran = 0; ran < count; ran++) {
      const say = (word: number) =>
        ({
          samples: new Int16Array(160).fill(word),
          rate: 8000,
          encoded: { encoding: 'audio/x-mulaw', payload: new Uint8Array(160).fill(word % 256) },
        }) as const;
      this.#tee.write(this.#beat, say(this.#beat), say(1000 + this.#beat));
      this.#beat += 1;
    }
  }

  stream(spec: Partial<StreamSpec>, origin: StreamRecord['origin'] = 'document'): FakeConnection {
    const open = createStreamOpener({
      clock: new ManualClock(),
      log: silentLogger,
      connect: (order, app) => {
        const connection = new FakeConnection(order, app);
        this.#connections.push(connection);
        return connection;
      },
    });
    const callSid = newCallSid();
    const call = { accountSid: `AC${'0'.repeat(32)}`, callSid, from: '+1', to: '+2', direction: 'inbound' };
    const record = { ...aStream(callSid, spec), origin };
    open({ record, call, tee: this.#tee, playout: this.playout }, delegate);
    const connection = this.#connections.at(-1);
    if (connection === undefined) throw new Error('nothing was dialled');
    return connection;
  }
}

const stamps = (connection: FakeConnection): number[] =>
  connection.of('media').map(({ media }: Received) => Number(media.timestamp));

/** The first sample of each L16 message. */
const words = (connection: FakeConnection): number[] =>
  connection.of('media').map(({ media }: Received) => Buffer.from(media.payload, 'base64').readInt16LE(0));

const count = (to: number, step = 1): number[] => Array.from({ length: to }, (_, index) => index * step);

describe('a stream of the document, opened after the answer', () => {
  it('AC-13, AC-93: has every frame since the answer, 20 ms apart, from time stamp 0 on', () => {
    const leg = new Answered();
    leg.beats(25);
    const connection = leg.stream({});
    leg.beats(15);
    assert.deepEqual(connection.messages, []);
    connection.app.onOpen();
    leg.beats(20);
    assert.deepEqual(words(connection), count(60));
    assert.deepEqual(stamps(connection), count(60, 20));
    assert.deepEqual(
      connection.of('media').map(({ media }: Received) => Number(media.chunk)),
      count(60).map((index) => index + 1),
    );
    assert.deepEqual(connection.of('gap'), []);
  });

  it('what we said before it opened is on the outbound track, beside what was said to us', () => {
    const leg = new Answered();
    leg.beats(10);
    const connection = leg.stream({
      track: 'both',
      mediaFormat: { encoding: 'audio/L16', sampleRate: 8000, channels: 2 },
    });
    connection.app.onOpen();
    leg.beats(5);
    const heard = connection.of('media').map(({ media }: Received) => {
      const payload = Buffer.from(media.payload, 'base64');
      return [payload.readInt16LE(0), payload.readInt16LE(2)];
    });
    assert.deepEqual(
      heard,
      count(15).map((beat) => [1000 + beat, beat]),
    );
  });

  it('AC-13: two-way streams are no different, in either dialect, and G.711 is passed on as it came', () => {
    const leg = new Answered();
    leg.beats(30);
    const connection = leg.stream({ mode: 'bidirectional', ...twilio });
    connection.app.onOpen();
    leg.beats(30);
    const payloads = connection.of('media').map(({ media }: Received) => Buffer.from(media.payload, 'base64'));
    assert.deepEqual(
      payloads.map((payload) => [payload.length, payload[0], payload[159]]),
      count(60).map((beat) => [160, beat, beat]),
    );
    assert.deepEqual(stamps(connection), count(60, 20));

    const duplex = leg.stream({ mode: 'duplex', mediaFormat: mulaw });
    duplex.app.onOpen();
    leg.beats(1);
    assert.deepEqual(
      duplex.binaries.map((payload) => payload[0]),
      count(61),
    );
  });

  for (const beats of [4, 20, 60]) {
    it(`an app that passes on what it hears is behind for seconds, not for good, after ${beats * 20} ms were waiting for it`, () => {
      const leg = new Answered();
      leg.beats(beats);
      const connection = leg.stream({ mode: 'duplex', mediaFormat: mulaw });
      connection.app.onOpen();
      const behind: number[] = [];
      const out = new Int16Array(160);
      for (let beat = 0; beat < 600; beat++) {
        for (const bytes of connection.binaries.splice(0)) connection.app.onBinary(bytes);
        leg.playout.next(out);
        behind.push(leg.playout.queuedSamples / 8);
        leg.beats(1);
      }
      const most = Math.max(...behind.slice(0, 10));
      assert.ok(Math.abs(most - beats * 20) <= 40, `${most} ms at the beginning`);
      assert.ok(Math.max(...behind.slice(500)) <= 20, `${behind[500]} ms after ten seconds`);
    });
  }

  it('an app that begins with audio of its own, or later, is heard bit by bit', () => {
    for (const { after, frames } of [
      { after: 1, frames: 40 },
      { after: 1, frames: 200 },
      { after: 100, frames: 20 },
    ]) {
      const leg = new Answered();
      leg.beats(20);
      const connection = leg.stream({ mode: 'duplex', mediaFormat: mulaw });
      connection.app.onOpen();
      const out = new Int16Array(160);
      for (let beat = 0; beat < 600; beat++) {
        const said = beat < after ? 0 : beat === after ? frames : 1;
        for (let frame = 0; frame < said; frame++) connection.app.onBinary(Buffer.alloc(160, frame));
        leg.playout.next(out);
      }
      assert.equal(leg.playout.queuedSamples, (frames - 1) * 160, `${frames} frames after ${after}`);
    }
  });

  it('a socket that opens late costs the oldest only: two seconds are kept, and the gap is told', () => {
    const leg = new Answered();
    leg.beats(80);
    const connection = leg.stream({ playbackEvents: true });
    leg.beats(50);
    connection.app.onOpen();
    assert.deepEqual(stamps(connection), count(130, 20).slice(30));
    const [gap] = connection.of('gap');
    assert.deepEqual(gap.gap, { track: 'inbound', fromMs: 0, durationMs: 600, reason: 'connecting' });
  });

  it('more than two seconds after the answer it begins with itself; a stream of the API always does', () => {
    const leg = new Answered();
    leg.beats(50);
    const byApi = leg.stream({}, 'api');
    byApi.app.onOpen();
    leg.beats(60);
    const late = leg.stream({});
    late.app.onOpen();
    leg.beats(10);
    assert.deepEqual(
      words(byApi),
      count(120).filter((beat) => beat >= 50),
    );
    assert.deepEqual(
      words(late),
      count(120).filter((beat) => beat >= 110),
    );
    assert.deepEqual(stamps(late), count(10, 20));
  });
});
