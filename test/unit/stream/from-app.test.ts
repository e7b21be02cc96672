/** What the app sends: PROTOCOL §2.6, §4.3, §14.2–§14.4. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Received, settled, twilio, World } from './world.ts';

const twoWay = { ...twilio, mode: 'bidirectional' } as const;
const pivot = { mode: 'bidirectional' } as const;
const marks = (world: World): Received[] => world.connection.of('mark').map(({ mark }) => mark);
const names = (world: World): string[] => marks(world).map(({ name }) => name);
const mark = (name: string) => ({ event: 'mark', mark: { name } });

/** Reads "files" that are plain samples: each byte is one sample of 100 times its value. */
async function* plainFiles(file: readonly Buffer[]): AsyncGenerator<Int16Array> {
  yield Int16Array.from(Buffer.concat(file), (byte) => byte * 100);
}
const file = (ms: number, value = 1, format: object | null = { encoding: 'audio/wav' }) => ({
  event: 'media',
  media: { payload: Buffer.alloc(ms * 8, value).toString('base64'), ...(format === null ? {} : { format }) },
});
const pivotWorld = (spec = {}) => new World({ ...pivot, ...spec }, { readAudioFile: plainFiles }).open();

describe('from a Twilio app', () => {
  it('AC-43: clear after half a second is silence within a frame, and the mark returns', () => {
    const world = new World(twoWay).open().talk(2000).say(mark('a')).beats(25);
    assert.deepEqual(marks(world), []);
    world.say({ event: 'clear' });
    const heard = world.heardMs;
    world.beats(10);
    assert.ok(world.heardMs - heard <= 20);
    assert.deepEqual(marks(world), [{ name: 'a', playedMs: 500, cleared: true }]);
  });

  it('AC-44: a mark with nothing buffered returns at once', () => {
    const world = new World(twoWay).open().say(mark('now'));
    assert.deepEqual(names(world), ['now']);
  });

  it('AC-45: marks return in order, when what is before them has been played', () => {
    const world = new World(twoWay).open();
    for (const name of ['a', 'b', 'c']) world.talk(200).say(mark(name));
    const seen: [number, string[]][] = [];
    for (let beat = 0; beat < 35; beat++) seen.push([world.beats(1).connection.of('mark').length, names(world)]);
    assert.deepEqual(
      marks(world).map(({ name, playedMs }) => [name, playedMs]),
      [
        ['a', 200],
        ['b', 400],
        ['c', 600],
      ],
    );
    for (const [index, afterMs] of [200, 400, 600].entries()) {
      const beat = seen.findIndex(([count]) => count === index + 1);
      assert.ok(Math.abs((beat + 1) * 20 - afterMs) <= 20);
    }
  });

  const reasons = (world: World): string[] =>
    world.entries.flatMap((entry) => (entry.type === 'stream.warning' && entry.code === 31_951 ? [entry.detail] : []));

  it('AC-46: an unknown event, however often it comes, is one warning that names it', () => {
    const world = new World(twoWay).open();
    for (let times = 0; times < 10; times++) world.say({ event: 'dance' });
    world.talk(20).beats(2);
    assert.deepEqual(reasons(world), ['unknown event "dance"']);
    assert.equal(world.heardMs, 20);
    assert.deepEqual(world.stops, []);
  });

  it('what is wrong in another way is a warning of its own, five in all', () => {
    const world = new World(twoWay).open();
    for (let times = 0; times < 3; times++) {
      world.say({ event: 'dance' }).say({ event: 'media', media: {} }).say({ event: 7 });
      world.connection.app.onText('no json');
    }
    for (let times = 0; times < 10; times++) world.say({ event: `${times}`.repeat(1000) });
    world.talk(20).beats(2);
    assert.deepEqual(reasons(world), [
      'unknown event "dance"',
      'media.payload is not a string',
      'event is not a string',
      'not a JSON object',
      `unknown event "${'0'.repeat(40)}…"`,
    ]);
    assert.equal(world.heardMs, 20);
    assert.deepEqual(world.stops, []);
  });

  it('a binary message is one warning of its own', () => {
    const world = new World(twoWay).open();
    for (let times = 0; times < 3; times++) world.connection.app.onBinary(Buffer.from([1]));
    assert.equal(world.warnings(31950), 1);
    assert.equal(world.warnings(31951), 0);
  });

  it('AC-47: a message for another stream, or for none, is not played', () => {
    const world = new World(twoWay).open();
    const media = { payload: Buffer.alloc(800, 0x80).toString('base64') };
    world.say({ event: 'media', media, streamSid: `MZ${'0'.repeat(32)}` });
    world.connection.app.onText(JSON.stringify({ event: 'media', media }));
    world.beats(5);
    assert.equal(world.heardMs, 0);
  });

  it('AC-48: of 11 minutes pushed at once ten are played, and it is said once', () => {
    const world = new World(twoWay).open();
    for (let second = 0; second < 660; second++) world.talk(1000);
    assert.equal(world.warnings(31931), 1);
    const { bufferedMs, droppedMs } = world.stream.counters();
    assert.equal(bufferedMs, 600_000);
    assert.equal(droppedMs, 60_000);
  });

  it('no mark comes back when the stream ends', async () => {
    const world = new World(twoWay).open().talk(500).say(mark('a')).beats(2);
    await world.stream.stop('hangup');
    assert.deepEqual(marks(world), []);
    assert.equal(world.connection.messages.at(-1).event, 'stop');
    assert.equal(world.playout.queuedSamples, 0);
  });

  it('AC-88: cleared tells what was played and what was dropped, after the marks', () => {
    const world = new World({ ...twoWay, playbackEvents: true }).open();
    world.talk(2000).say(mark('a')).say(mark('b')).beats(25).say({ event: 'clear' });
    const events = world.connection.messages.map(({ event }) => event);
    assert.deepEqual(events.slice(-3), ['mark', 'mark', 'cleared']);
    const { cleared } = world.connection.of('cleared')[0];
    assert.ok(Math.abs(cleared.playedMs - 500) <= 20);
    assert.ok(Math.abs(cleared.droppedMs - 1500) <= 20);
    assert.deepEqual(cleared.marks, ['a', 'b']);
  });

  it('pressure is told at the high bound and at the low one, to those who asked', () => {
    const world = new World({ ...twoWay, playbackEvents: true }).open().talk(9_000).beats(1);
    assert.deepEqual(world.connection.of('pressure'), []);
    world.talk(2_000).talk(2_000);
    world.beats(13_000 / 20);
    assert.deepEqual(
      world.connection.of('pressure').map(({ pressure }) => pressure.state),
      ['high', 'ok'],
    );
    const other = new World(twoWay).open().talk(12_000);
    assert.deepEqual(other.connection.of('pressure'), []);
  });

  it('presses digits, hangs up and answers status', () => {
    const world = new World(twoWay).open().talk(100).beats(2);
    world
      .say({ event: 'dtmf', dtmf: { digits: '12#' } })
      .say({ event: 'hangup' })
      .say({ event: 'status' });
    world.say({ event: 'dtmf', dtmf: { digits: 'no' } });
    assert.deepEqual(world.pressed, ['12#']);
    assert.equal(world.hangups, 1);
    assert.deepEqual(world.connection.of('status')[0].status, {
      bufferedMs: 60,
      playedMs: 40,
      underruns: 0,
      droppedMs: 0,
    });
  });

  it('is warned once when its digits are not pressed, as too many wait', () => {
    const world = new World(twoWay).open();
    world.pressing = false;
    for (let asked = 0; asked < 1000; asked++) world.say({ event: 'dtmf', dtmf: { digits: '1' } });
    const warned = world.entries.filter(({ type }) => type === 'stream.warning');
    assert.deepEqual(warned, [
      { type: 'stream.warning', stream: world.stream.sid, code: 31951, detail: 'too many digits wait to be pressed' },
    ]);
    world.pressing = true;
    world.say({ event: 'dtmf', dtmf: { digits: '2' } });
    assert.deepEqual(world.pressed, ['2']);
  });

  it('AC-89: bare samples cut anywhere are the same sound', () => {
    const samples = Int16Array.from({ length: 3200 }, (_, at) => Math.round(10_000 * Math.sin(at / 5)));
    const bytes = Buffer.from(samples.buffer);
    const heard = [1, 7, 160, 4096, 100_000].map((size) => {
      const world = new World(twoWay).open();
      for (let from = 0; from < bytes.length; from += size) {
        const payload = bytes.subarray(from, from + size).toString('base64');
        world.say({ event: 'media', media: { payload, format: { encoding: 'audio/L16', sampleRate: 8000 } } });
      }
      return world.beats(25).heard.flatMap((frame) => [...frame]);
    });
    assert.deepEqual(heard[0]?.slice(0, 3200), [...samples]);
    for (const one of heard) assert.deepEqual(one, heard[0]);
  });

  it('takes big-endian and A-law when told so', () => {
    const world = new World(twoWay).open();
    const media = (payload: Buffer, format: object) =>
      world.say({ event: 'media', media: { payload: payload.toString('base64'), format } });
    media(Buffer.from([0x01, 0x00, 0x02, 0x00]), { encoding: 'audio/L16', sampleRate: 8000, endianness: 'big' });
    media(Buffer.from([0xd5]), { encoding: 'audio/x-alaw' });
    world.beats(1);
    assert.deepEqual([...(world.heard[0] ?? [])].slice(0, 3), [256, 512, 8]);
  });

  it('an app that sends faster than it may is made to wait for the next beat, or for as many as it was too fast', () => {
    const world = new World(twoWay).open().talk(50_000).talk(1000);
    assert.equal(world.connection.reading, false);
    assert.equal(world.beats(1).connection.reading, true);
    world.talk(50_000).talk(50_000);
    assert.equal(world.beats(1).connection.reading, false);
    assert.equal(world.beats(1).connection.reading, true);
  });

  it('every message costs reading time, an empty one and a ping too, but is as long as it is', () => {
    const world = new World(twoWay).open();
    let messages = 0;
    for (; world.connection.reading && messages < 10_000; messages++) world.connection.app.onText('');
    assert.equal(messages, 512);
    assert.deepEqual([world.stream.counters().messagesReceived, world.stream.counters().bytesReceived], [512, 0]);
    assert.equal(world.beats(1).connection.reading, true);
    let controls = 0;
    for (; world.connection.reading && controls < 10_000; controls++) world.connection.app.onControl();
    assert.equal(controls, 512);
    assert.equal(world.stream.counters().messagesReceived, 512);
  });

  it('a message of many values costs as much as it takes to parse, one of the usual ones nothing', () => {
    const untilFull = (message: object): number => {
      const world = new World(twoWay).open();
      let messages = 0;
      for (; world.connection.reading; messages++) world.say({ event: 'dance', ...message });
      return messages;
    };
    const fields = (count: number): object => Object.fromEntries(Array.from({ length: count }, (_, at) => [at, at]));
    assert.ok(untilFull(fields(1_000)) <= 3);
    assert.ok(untilFull(fields(300)) <= 8);
    assert.ok(untilFull(fields(10)) > 400);
  });

  it('an app that asks without end and never reads ends its own stream', () => {
    const world = new World(twoWay).open();
    world.connection.stalled = true;
    for (let asked = 0; asked < 80_000 && world.stops.length === 0; asked++) world.say({ event: 'status' });
    assert.equal(world.stops[0]?.error?.code, 31903);
    assert.equal(world.stops.length, 1);
  });

  it('one-way streams ignore everything', () => {
    for (const mode of ['unidirectional', 'raw'] as const) {
      const world = new World({ mode }).open().talk(100).say({ event: 'hangup' }).say(mark('a')).beats(2);
      assert.equal(world.heardMs, 0);
      assert.equal(world.hangups, 0);
      assert.deepEqual(names(world), []);
    }
  });
});

describe('from a Pivot app', () => {
  it('AC-17: pieces of a file are silent until their mark, then play once', async () => {
    const world = pivotWorld()
      .say(file(50))
      .say(file(50, 1, null))
      .beats(5);
    assert.equal(world.heardMs, 0);
    world.say(mark('greeting'));
    await settled();
    world.beats(10);
    assert.equal(world.heardMs, 100);
    assert.deepEqual(marks(world), [{ name: 'greeting', playedMs: 100, cleared: false }]);
  });

  it('AC-18: the second file starts when the first has ended; marks in order', async () => {
    const world = pivotWorld().say(file(100, 1)).say(mark('one')).say(file(100, 2)).say(mark('two'));
    await settled();
    world.beats(4);
    assert.deepEqual(names(world), []);
    world.beats(1);
    assert.deepEqual(names(world), ['one']);
    world.beats(5);
    assert.deepEqual(names(world), ['one', 'two']);
    assert.deepEqual(
      world.heard.map((frame) => frame[0]),
      [100, 100, 100, 100, 100, 200, 200, 200, 200, 200],
    );
  });

  it('AC-19: a mark without a name comes back as unknown', () => {
    assert.deepEqual(names(pivotWorld().say({ event: 'mark' })), ['unknown']);
  });

  it('AC-20: media, clear and mark: the mark echoes at once and nothing plays', async () => {
    const world = pivotWorld().say(file(100)).say({ event: 'clear' }).say(mark('gone'));
    assert.deepEqual(names(world), ['gone']);
    await settled();
    assert.equal(world.beats(10).heardMs, 0);
  });

  it('AC-21: a file that was marked still plays after a clear', async () => {
    const world = pivotWorld().say(file(100)).say(mark('kept')).say({ event: 'clear' });
    await settled();
    assert.equal(world.beats(10).heardMs, 100);
    assert.deepEqual(marks(world), [{ name: 'kept', playedMs: 100, cleared: false }]);
  });

  it('AC-22: an encoding that is not played is discarded without a word to the app', async () => {
    const world = pivotWorld()
      .say(file(100, 1, { encoding: 'audio/ogg' }))
      .say(file(100, 1, null))
      .say(mark('a'));
    await settled();
    assert.equal(world.beats(10).heardMs, 0);
    assert.deepEqual(
      world.connection.messages.map(({ event }) => event).filter((event) => event !== 'media'),
      ['connected', 'start', 'mark'],
    );
  });

  it('a file that cannot be read gives its mark and a warning', async () => {
    const world = new World(pivot).open().say(file(100)).say(mark('broken'));
    await settled();
    assert.deepEqual(names(world.beats(1)), ['broken']);
    assert.equal(world.warnings(31951), 1);
  });

  it('AC-23: at the end marks come back for what was queued, then stop', async () => {
    const world = pivotWorld().say(file(500)).say(mark('playing')).say(file(500)).say(mark('queued'));
    await settled();
    world.beats(3).say(file(500)).say(mark('unread'));
    await world.stream.stop('hangup');
    await settled();
    assert.deepEqual(
      world.connection.messages.slice(-4).map((message) => message.mark?.name ?? message.event),
      ['playing', 'queued', 'unread', 'stop'],
    );
    assert.ok(marks(world).every(({ cleared }) => cleared));
  });

  it('a missing streamSid is accepted, a wrong one is not', () => {
    const world = pivotWorld();
    world.connection.app.onText(JSON.stringify(mark('a')));
    world.say({ ...mark('b'), streamSid: 'MZ0' });
    assert.deepEqual(names(world), ['a']);
  });

  it('bare samples play at once; marks and clear then work as bookmarks', () => {
    const world = pivotWorld();
    const format = { encoding: 'audio/x-mulaw' };
    const payload = Buffer.alloc(1600, 0x80).toString('base64');
    world.say({ event: 'media', media: { payload, format } }).beats(1);
    assert.equal(world.heardMs, 20);
    world.say({ event: 'media', media: { payload } }).say(mark('end')).beats(5);
    assert.deepEqual(names(world), []);
    world.say({ event: 'clear' });
    assert.deepEqual(marks(world), [{ name: 'end', playedMs: 120, cleared: true }]);
  });

  it('a file that comes while another is heard follows it without a gap', async () => {
    const world = pivotWorld().say(file(100, 1)).say(mark('one'));
    await settled();
    world.beats(3).say(file(100, 2)).say(mark('two'));
    await settled();
    world.beats(7);
    assert.deepEqual(names(world), ['one', 'two']);
    assert.deepEqual(
      world.heard.map((frame) => frame[0]),
      [100, 100, 100, 100, 100, 200, 200, 200, 200, 200],
    );
  });

  it('a file and bare samples are heard in the order they came, and so do their marks come back', async () => {
    const world = pivotWorld().say(file(100, 1)).say(mark('file'));
    const format = { encoding: 'audio/L16' };
    const live = Buffer.from(new Int16Array(320).fill(700).buffer).toString('base64');
    world.say({ event: 'media', media: { payload: live, format } }).say(mark('live'));
    for (let beat = 0; beat < 20; beat++) {
      await settled();
      world.beats(1);
    }
    assert.deepEqual(marks(world), [
      { name: 'file', playedMs: 100, cleared: false },
      { name: 'live', playedMs: 140, cleared: false },
    ]);
    const sound = world.heard.map((frame) => frame[0]).filter((sample) => sample !== 0);
    assert.deepEqual(sound, [100, 100, 100, 100, 100, 700, 700]);
  });

  it('a broken file keeps its place: its mark comes back before that of the samples behind it', async () => {
    const world = new World(pivot).open().say(file(100)).say(mark('broken'));
    const payload = Buffer.alloc(160, 0x80).toString('base64');
    world.say({ event: 'media', media: { payload, format: { encoding: 'audio/x-mulaw' } } }).say(mark('live'));
    for (let beat = 0; beat < 10; beat++) {
      await settled();
      world.beats(1);
    }
    assert.deepEqual(names(world), ['broken', 'live']);
  });

  it('a clear drops bare samples that wait behind a file, and the file is heard to its end', async () => {
    const world = pivotWorld({ playbackEvents: true }).say(file(100, 1)).say(mark('file'));
    const payload = Buffer.from(new Int16Array(1600).fill(700).buffer).toString('base64');
    world.say({ event: 'media', media: { payload, format: { encoding: 'audio/L16' } } }).say(mark('live'));
    await settled();
    world.beats(2).say({ event: 'clear' });
    assert.deepEqual(world.connection.of('cleared')[0].cleared, { playedMs: 40, droppedMs: 200, marks: ['live'] });
    for (let beat = 0; beat < 15; beat++) {
      await settled();
      world.beats(1);
    }
    assert.deepEqual(marks(world), [
      { name: 'live', playedMs: 40, cleared: true },
      { name: 'file', playedMs: 100, cleared: false },
    ]);
    assert.equal(world.heardMs, 100);
    assert.equal(world.stream.counters().droppedMs, 200);
  });

  it('at the end the marks of what waits behind a file come back too, in order', async () => {
    const world = pivotWorld().say(file(500)).say(mark('playing')).say(file(500)).say(mark('queued'));
    await settled();
    world.beats(3).say(file(500)).say(mark('unread'));
    const payload = Buffer.alloc(160, 0x80).toString('base64');
    world.say({ event: 'media', media: { payload, format: { encoding: 'audio/x-mulaw' } } }).say(mark('live'));
    await world.stream.stop('hangup');
    await settled();
    assert.deepEqual(names(world), ['playing', 'queued', 'unread', 'live']);
  });

  it('a file behind bare samples waits for them; a clear takes them and leaves the file', async () => {
    const world = pivotWorld({ playbackEvents: true });
    const payload = Buffer.from(new Int16Array(8000).fill(700).buffer).toString('base64');
    world.say({ event: 'media', media: { payload, format: { encoding: 'audio/L16' } } }).say(mark('live'));
    world.say(file(100, 1)).say(mark('file'));
    await settled();
    world.beats(10).say({ event: 'clear' });
    assert.deepEqual(world.connection.of('cleared')[0].cleared, { playedMs: 200, droppedMs: 800, marks: ['live'] });
    for (let beat = 0; beat < 15; beat++) {
      await settled();
      world.beats(1);
    }
    assert.deepEqual(marks(world), [
      { name: 'live', playedMs: 200, cleared: true },
      { name: 'file', playedMs: 300, cleared: false },
    ]);
  });
});

describe('duplex', () => {
  it('takes binary audio in the stream’s own format and plays it at once', async () => {
    const world = new World({ mode: 'duplex' }).open();
    const samples = Int16Array.from({ length: 160 }, (_, at) => at + 1);
    const bytes = Buffer.from(samples.buffer);
    world.connection.app.onBinary(bytes.subarray(0, 101));
    world.connection.app.onBinary(bytes.subarray(101));
    world.say({ event: 'hangup' }).beats(1);
    assert.deepEqual(world.heard[0], samples);
    assert.equal(world.connection.binaries.length, 1);
    assert.equal(world.hangups, 0);
    await world.stream.stop('hangup');
    assert.deepEqual(world.connection.messages, []);
  });
});
