/** Whole ways, with the real decoder, resampler and sockets: AC-83, AC-89, AC-91. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '../../../shared/kernel/clock.ts';
import { newCallSid } from '../../../shared/kernel/ids.ts';
import { silentLogger } from '../../../shared/kernel/log.ts';
import { createDestinationGuard } from '../../../shared/net/destination.ts';
import { Playout } from '../../../worker/media/playout.ts';
import { wavFile } from '../../../worker/media/wav-writer.ts';
import { createConnector } from '../../../worker/stream/connection.ts';
import { createStreamOpener } from '../../../worker/stream/session.ts';
import { aStream } from '../../support/records.ts';
import { StreamPeer } from '../../support/stream-peer.ts';
import { sine, toneLevel } from '../../support/tone.ts';
import { settled, twilio, World } from './world.ts';

const twoWay = { ...twilio, mode: 'bidirectional' } as const;

const joined = (world: World): Int16Array => Int16Array.from(world.heard.flatMap((frame) => [...frame]));

describe('sound through a stream', () => {
  it('AC-89: a WAV file in pieces of any size is bit-identical to the caller', async () => {
    const file = wavFile(sine(440, 300, 24_000), 24_000);
    const heard: Int16Array[] = [];
    for (const size of [1, 7, 160, 4096, 100_000]) {
      const world = new World({ mode: 'bidirectional' }).open();
      for (let from = 0; from < file.length; from += size) {
        const payload = file.subarray(from, from + size).toString('base64');
        world.say({ event: 'media', media: { payload, format: { encoding: 'audio/wav' } } });
      }
      world.say({ event: 'mark', mark: { name: 'end' } });
      for (let turn = 0; turn < 50; turn++) await settled();
      heard.push(joined(world.beats(20)));
      assert.equal(world.connection.of('mark').length, 1);
    }
    assert.ok(toneLevel((heard[0] ?? new Int16Array()).subarray(400, 2000), 440, 8000) > 0.4);
    for (const one of heard) assert.deepEqual(one, heard[0]);
  });

  it('AC-89: bare samples of another rate, in pieces of any size, are bit-identical to the caller', () => {
    const samples = sine(440, 300, 24_000);
    const bytes = Buffer.from(samples.buffer, samples.byteOffset, samples.length * 2);
    const heard = [1, 7, 160, 4096, 100_000].map((size) => {
      const world = new World(twoWay).open();
      for (let from = 0; from < bytes.length; from += size) {
        const payload = bytes.subarray(from, from + size).toString('base64');
        world.say({ event: 'media', media: { payload, format: { encoding: 'audio/L16', sampleRate: 24_000 } } });
      }
      return joined(world.beats(20));
    });
    assert.ok(toneLevel((heard[0] ?? new Int16Array()).subarray(400, 2000), 440, 8000) > 0.4);
    for (const one of heard) assert.deepEqual(one, heard[0]);
  });

  it('a tone on a wideband leg reaches a stream of 24 kHz as that tone', () => {
    const mediaFormat = { encoding: 'audio/L16', sampleRate: 24_000, channels: 1 } as const;
    const world = new World({ mediaFormat }, { rate: 16_000 }).open();
    const tone = sine(1000, 500, 16_000);
    for (let at = 0; at < tone.length; at += 320) world.beats(1, { samples: tone.subarray(at, at + 320) });
    const payloads = world.connection.of('media').map(({ media }) => Buffer.from(media.payload, 'base64'));
    const bytes = Buffer.concat(payloads);
    const heard = Int16Array.from({ length: bytes.length / 2 }, (_, at) => bytes.readInt16LE(at * 2));
    assert.equal(heard.length, 12_000);
    assert.ok(toneLevel(heard.subarray(1200), 1000, 24_000) > 0.4);
  });
});

describe('a stream over real sockets', () => {
  let awake: NodeJS.Timeout | undefined;
  before(() => {
    awake = setInterval(() => {}, 1_000);
  });
  after(() => clearInterval(awake));

  it('AC-91: the app’s server is killed and comes back; no audio is missing', async () => {
    const first = await StreamPeer.listen();
    const guard = createDestinationGuard({ allowPrivate: true });
    const connect = createConnector({ clock: systemClock, guard, authToken: 'token' });
    const callSid = newCallSid();
    let beat = (): void => {};
    let reconnecting = false;
    const frame = { samples: new Int16Array(160), rate: 8000, encoded: null } as const;
    const stream = createStreamOpener({ clock: systemClock, log: silentLogger, connect })(
      {
        record: aStream(callSid, { url: first.url, reconnectMs: 10_000 }),
        call: { accountSid: 'AC', callSid, from: '1', to: '2', direction: 'inbound' },
        playout: new Playout({ rate: 8000, report: (error) => assert.fail(String(error)) }),
        tee: {
          add(branch) {
            beat = () => branch.beat(0, frame, frame);
            return () => {};
          },
        },
      },
      {
        onStarted: () => {},
        onStopped: () => {},
        onPatch: ({ status }) => {
          reconnecting ||= status === 'reconnecting';
        },
        onEntry: () => {},
        onPress: () => true,
        onHangup: () => {},
      },
    );
    const { port } = first;
    const socket = await first.socket();
    for (let count = 0; count < 20; count++) beat();
    await first.until('20 frames', () => socket.of('media').length === 20);
    await first.close();
    for (let turn = 0; turn < 1_000 && !reconnecting; turn++) await settled();
    assert.equal(reconnecting, true);
    for (let count = 0; count < 20; count++) beat();
    const second = await StreamPeer.listen({ port: port });
    const again = await second.socket();
    for (let count = 0; count < 20; count++) beat();
    await second.until('the rest', () => again.of('media').length === 40);
    assert.match(JSON.stringify(again.of('start')), /"reconnected":true/);
    const times = [...socket.of('media'), ...again.of('media')].map(
      (message) => (message['media'] as Record<string, unknown>)['timestamp'],
    );
    assert.deepEqual(
      times,
      Array.from({ length: 60 }, (_, index) => String(index * 20)),
    );
    await stream.stop('hangup');
    await second.until('the close', () => again.closeCode === 1000);
    await second.close();
  });
});
