/** Where audio from the app is cut off: what comes behind a clear, or over another socket, sounds as if it were the first. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StreamSpec } from '../../../shared/domain/stream.ts';
import { concat, sine } from '../../support/tone.ts';
import { settled, twilio, World } from './world.ts';

const live = { ...twilio, mode: 'bidirectional', reconnectMs: 10_000 } as const;
const mark = (name: string) => ({ event: 'mark', mark: { name } });
const bytesOf = (samples: Int16Array): Buffer => Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength);
const media = (payload: Buffer, sampleRate = 8000, encoding = 'audio/L16') => ({
  event: 'media',
  media: { payload: payload.toString('base64'), format: { encoding, sampleRate } },
});

const lost = (world: World): unknown => world.connection.lose();
const moved = (world: World): unknown => world.stream.update({ url: 'wss://other.example/audio' });
const anotherSocket = [lost, moved];

/** What is heard of an utterance from here on. */
function heardOf(world: World, say: (world: World) => unknown): Int16Array {
  const from = world.heard.length;
  say(world);
  return concat(...world.beats(10).heard.slice(from));
}

for (const rate of [8000, 24_000])
  describe(`at ${rate} Hz what comes begins anew`, () => {
    const tone = bytesOf(sine(440, 100, rate));
    const cut = tone.subarray(0, tone.length / 2 + 1);
    const say = (world: World): World => world.say(media(tone, rate));
    const fresh = heardOf(new World(live).open(), say);

    it('behind a clear', () => {
      const world = new World(live).open().say(media(cut, rate)).beats(1).say({ event: 'clear' }).beats(3);
      assert.deepEqual(heardOf(world, say), fresh);
    });

    it('over another socket', () => {
      for (const leave of anotherSocket) {
        const world = new World(live).open().say(media(cut, rate)).beats(10);
        leave(world);
        assert.deepEqual(heardOf(world.open().beats(1), say), fresh, leave.name);
      }
    });

    it('over another socket of a binary stream', () => {
      const spec = { mode: 'duplex', mediaFormat: { encoding: 'audio/L16', sampleRate: rate, channels: 1 } };
      const sayBinary = (world: World): void => world.connection.app.onBinary(tone);
      for (const leave of anotherSocket) {
        const world = new World({ ...spec, reconnectMs: 10_000 } as Partial<StreamSpec>).open();
        world.connection.app.onBinary(cut);
        leave(world.beats(10));
        assert.deepEqual(heardOf(world.open().beats(1), sayBinary), fresh, leave.name);
      }
    });
  });

/** Reads "files" that are plain samples: each byte is one sample of 100 times its value. */
async function* plainFiles(file: readonly Buffer[]): AsyncGenerator<Int16Array> {
  yield Int16Array.from(Buffer.concat(file), (byte) => byte * 100);
}
const file = (ms: number, value: number) => media(Buffer.alloc(ms * 8, value), 8000, 'audio/wav');
const pivot = (): World => new World({ mode: 'bidirectional', reconnectMs: 10_000 }, { readAudioFile: plainFiles });

describe('of a Pivot app, over another socket,', () => {
  it('samples begin anew behind those that wait for a file', async () => {
    const world = pivot().open().say(file(60, 1)).say(mark('file'));
    world.say(media(Buffer.from([1, 2, 3])));
    lost(world);
    world.open().say(media(Buffer.from([4, 5])));
    for (let beat = 0; beat < 10; beat++) {
      await settled();
      world.beats(1);
    }
    assert.deepEqual(
      concat(...world.heard).filter((sample) => sample !== 0 && sample !== 100),
      Int16Array.of(0x0201, 0x0504),
    );
  });

  it('a file begins anew: of the one that was cut off nothing is heard', async () => {
    const world = pivot().open().say(file(40, 1));
    lost(world);
    world.open().say(file(60, 2)).say(mark('whole'));
    await settled();
    world.beats(5);
    assert.deepEqual([world.heardMs, world.heard[0]?.[0]], [60, 200]);
  });

  it('a format that was stated to the old one is not that of the new one', () => {
    const world = new World(live).open().say(media(Buffer.alloc(320, 1)));
    lost(world.beats(3));
    assert.deepEqual(
      heardOf(world.open().beats(1), () => world.talk(40)),
      heardOf(new World(live).open(), (other) => other.talk(40)),
    );
  });
});

it('a message in another format than the one before costs what it takes to change', () => {
  const world = new World(live).open();
  const one = Buffer.alloc(2);
  let messages = 0;
  for (; world.connection.reading; messages++) world.say(media(one, messages % 2 === 0 ? 44_100 : 22_050));
  assert.ok(messages < 64, `${messages} resamplers in a beat`);
});
