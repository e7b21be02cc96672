/** Messages that take long to convert: other calls get their beats in between, and the caller hears what was sent. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mulaw, type Received, settled, twilio, World } from './world.ts';

const twoWay = { ...twilio, mode: 'bidirectional' } as const;
const CD = { encoding: 'audio/L16', sampleRate: 44_100 };
/** Ten seconds at 44.1 kHz, which no small ratio brings to 8 kHz. */
const SECONDS = 10;
const samples = Int16Array.from({ length: SECONDS * CD.sampleRate }, (_, at) => Math.round(9_000 * Math.sin(at / 11)));
const bytes = Buffer.from(samples.buffer);
/** At the leg's rate; the filter keeps a few for what comes. */
const WHOLE = SECONDS * 8000;

const media = (payload: Buffer, format: object = CD): object => ({
  event: 'media',
  media: { payload: payload.toString('base64'), format },
});
const marks = (world: World): Received[] => world.connection.of('mark').map(({ mark }) => mark);

/** Until all that was sent is in the playout. */
async function read(world: World): Promise<World> {
  for (let before = -1; before !== world.playout.queuedSamples; await settled()) before = world.playout.queuedSamples;
  return world;
}

describe('a message that takes long to convert', () => {
  it('is read in slices, and sounds as if it had come in many', async () => {
    const whole = new World(twoWay).open().say(media(bytes));
    const first = whole.playout.queuedSamples;
    assert.ok(first > 0 && first < WHOLE / 5, `${first} samples at once`);
    await read(whole);
    const pieces = new World(twoWay).open();
    for (let from = 0; from < bytes.length; from += 1763) pieces.say(media(bytes.subarray(from, from + 1763)));
    assert.equal(whole.playout.queuedSamples, pieces.playout.queuedSamples);
    assert.ok(Math.abs(whole.playout.queuedSamples - WHOLE) < 100);
    const [one, other] = [whole, pieces].map((world) => world.beats(50 * SECONDS).heard.flatMap((frame) => [...frame]));
    assert.deepEqual(one, other);
  });

  it('keeps its place before what comes behind it', async () => {
    const world = new World(twoWay)
      .open()
      .say(media(bytes))
      .say({ event: 'mark', mark: { name: 'end' } });
    world
      .say(media(Buffer.alloc(800, 0x80), { encoding: 'audio/x-mulaw' }))
      .say({ event: 'mark', mark: { name: 'last' } });
    await read(world);
    world.beats(50 * SECONDS + 10);
    assert.deepEqual(
      marks(world).map(({ name }) => name),
      ['end', 'last'],
    );
    const [end, last] = marks(world).map(({ playedMs }) => playedMs);
    assert.ok(Math.abs(end - SECONDS * 1000) <= 20, `${end} ms`);
    assert.equal(last - end, 100);
  });

  it('is gone with a clear, read or not, and its mark comes back', async () => {
    const world = new World({ ...twoWay, playbackEvents: true }).open().say(media(bytes));
    world
      .say({ event: 'mark', mark: { name: 'end' } })
      .beats(1)
      .say({ event: 'clear' });
    await read(world);
    assert.equal(world.beats(3).playout.queuedSamples, 0);
    assert.deepEqual(
      marks(world).map(({ name, cleared }) => [name, cleared]),
      [['end', true]],
    );
    const [{ cleared }] = world.connection.of('cleared');
    assert.ok(Math.abs(cleared.droppedMs + cleared.playedMs - SECONDS * 1000) <= 10, JSON.stringify(cleared));
    world.say(media(Buffer.alloc(800, 0x80), { encoding: 'audio/x-mulaw', sampleRate: 8000 })).beats(10);
    assert.ok(Math.abs(world.heardMs - cleared.playedMs - 100) <= 25, 'what comes then is heard');
  });

  it('is dropped with the stream', async () => {
    const world = new World(twoWay).open().say(media(bytes));
    await world.stream.stop('hangup');
    await read(world);
    assert.equal(world.playout.queuedSamples, 0);
  });

  it('makes its socket wait for as long as it cost, not longer', () => {
    const world = new World(twoWay).open().say(media(bytes.subarray(0, 400_000)));
    const beats = (): number => {
      for (let count = 0; count < 100; count++) {
        if (world.connection.reading) return count;
        world.beats(1);
      }
      return assert.fail('it is never read again');
    };
    const long = beats();
    assert.ok(long >= 6 && long <= 9, `${long} beats`);
    world.say(media(bytes.subarray(0, 400_000), { ...CD, sampleRate: 24_000 }));
    assert.ok(beats() <= 3);
    world.beats(1).say(media(bytes.subarray(0, 300_000), { ...CD, sampleRate: 8000 }));
    assert.equal(beats(), 0, 'no conversion, no waiting');
  });

  it('costs a raw two-way stream the same', () => {
    const world = new World({
      mode: 'duplex',
      mediaFormat: { ...mulaw, encoding: 'audio/L16', sampleRate: 24_000 },
    }).open();
    world.connection.app.onBinary(Buffer.alloc(300_000));
    assert.equal(world.connection.reading, false);
    assert.equal(world.beats(2).connection.reading, true);
  });
});
