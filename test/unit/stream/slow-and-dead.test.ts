/** An app that is slow, stuck or gone: PROTOCOL §11, §14.1. What it missed is known to the millisecond. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HOLD_MS } from '../../../worker/stream/session.ts';
import { type FakeConnection, type Received, World } from './world.ts';

const times = (messages: Received[]): number[] =>
  messages.filter(({ event }) => event === 'media').map(({ media }) => Number(media.timestamp));
const beats = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => (from + at) * 20);
/** What really reached the app: all but what the kernel had not taken when the socket died. */
const received = ({ messages, unsent }: FakeConnection): Received[] => messages.slice(0, messages.length - unsent);

describe('an app that does not read', () => {
  it('AC-90: is told the exact milliseconds, whatever it missed and however often', () => {
    const world = new World({ playbackEvents: true }).open().beats(10);
    let gapMs = 0;
    for (const stalledBeats of [501, 700, 3000]) {
      const { framesDropped } = world.stream.counters();
      world.connection.stalled = true;
      world.beats(stalledBeats);
      world.connection.recover();
      world.beats(1);
      const dropped = world.stream.counters().framesDropped - framesDropped;
      const gap = world.connection.of('gap').at(-1)?.gap;
      if (dropped > 0) gapMs += gap.durationMs;
      assert.equal(dropped * 20, dropped === 0 ? 0 : gap.durationMs);
    }
    const heard = times(world.connection.messages);
    const missing = beats(0, heard.length + gapMs / 20).filter((at) => !heard.includes(at));
    const told = world.connection
      .of('gap')
      .flatMap(({ gap }) => beats(gap.fromMs / 20, (gap.fromMs + gap.durationMs) / 20));
    assert.deepEqual(missing, told);
    assert.ok(gapMs > 0);
  });

  it('AC-90: on both tracks the gap of each is told, and the same', () => {
    const world = new World({ dialect: 'twilio', track: 'both', playbackEvents: true }).open().beats(10);
    world.connection.stalled = true;
    world.beats(1_000);
    world.connection.recover();
    world.beats(1);
    const [inbound, outbound] = world.connection.of('gap').map(({ gap }) => gap);
    assert.deepEqual([inbound.track, outbound.track], ['inbound', 'outbound']);
    assert.ok(Math.abs(inbound.durationMs - outbound.durationMs) <= 20);
    assert.equal((inbound.durationMs + outbound.durationMs) / 20, world.stream.counters().framesDropped);
  });

  it('AC-90: costs as much after a minute as after ten seconds', () => {
    const waiting = (stalledBeats: number): number => {
      const world = new World({ mode: 'raw' }).open();
      world.connection.stalled = true;
      world.beats(stalledBeats);
      const atStall = world.connection.binaries.length;
      world.connection.recover();
      world.beats(1);
      return world.connection.binaries.length - atStall;
    };
    assert.equal(waiting(3_000), waiting(700));
    assert.ok(waiting(3_000) <= HOLD_MS / 20 + 1);
  });

  it('AC-90: a pause is no gap, and hides none', () => {
    const world = new World({ playbackEvents: true }).open().beats(10);
    world.connection.stalled = true;
    world.beats(800);
    world.stream.update({ paused: true });
    world.beats(50);
    world.stream.update({ paused: false });
    world.beats(100);
    world.connection.recover();
    world.beats(1);
    const gaps = world.connection.of('gap').map(({ gap }) => gap);
    const told = gaps.flatMap(({ fromMs, durationMs }) => beats(fromMs / 20, (fromMs + durationMs) / 20));
    const heard = times(world.connection.messages);
    const made = [...beats(0, 810), ...beats(860, 961)];
    assert.deepEqual(
      made.filter((at) => !heard.includes(at)),
      told,
    );
    assert.ok(told.length > 100);
  });

  it('is cut off when it takes nothing and yet makes us answer', () => {
    const world = new World({ mode: 'bidirectional', dialect: 'twilio' }).open().beats(1);
    world.connection.stalled = true;
    for (let asked = 0; asked < 80_000 && world.stops.length === 0; asked++) world.say({ event: 'status' });
    assert.equal(world.stops[0]?.error?.code, 31903);
  });
});

describe('a socket that dies with messages of ours', () => {
  it('AC-91: what it had not sent is sent by the next, before the audio of the meantime; once', () => {
    for (const mode of ['unidirectional', 'bidirectional'] as const) {
      const world = new World({ mode, reconnectMs: 10_000 }).open().beats(20);
      const first = world.connection;
      first.stalled = true;
      world.beats(15);
      world.stream.digit('7');
      world.beats(15);
      assert.ok(first.unsent > 10, `${first.unsent}`);
      first.lose();
      world.beats(20).open().beats(5);
      const all = [...received(first), ...world.connection.messages];
      assert.deepEqual(times(all), beats(0, 75));
      const order = all.filter(({ event }) => event === 'media' || event === 'dtmf');
      assert.deepEqual(
        order.findIndex(({ event }) => event === 'dtmf'),
        35,
      );
      assert.deepEqual(
        world.connection.messages.slice(0, 2).map(({ event }) => event),
        ['connected', 'start'],
      );
      assert.equal(world.connection.of('start').length, 1);
      const { framesSent, framesDropped } = world.stream.counters();
      assert.deepEqual([framesSent, framesDropped], [75, 0]);
    }
  });

  it('AC-91: so is bare audio, byte for byte', () => {
    const world = new World({ mode: 'raw', reconnectMs: 10_000 }).open();
    const frame = (beat: number): Int16Array => new Int16Array(160).fill(beat);
    for (let beat = 0; beat < 60; beat++) {
      if (beat === 20) world.connection.stalled = true;
      if (beat === 40) world.connection.lose();
      if (beat === 50) world.open();
      world.beats(1, { samples: frame(beat) });
    }
    const [first, second] = world.connections as [FakeConnection, FakeConnection];
    const all = [...first.binaries.slice(0, first.binaries.length - first.unsent), ...second.binaries];
    assert.deepEqual(
      all.map((bytes) => bytes.readInt16LE(0)),
      Array.from({ length: 60 }, (_, beat) => beat),
    );
  });

  it('what is older than may wait is a gap, told in its place though told before to the dead socket', () => {
    const world = new World({ reconnectMs: 60_000, playbackEvents: true }).open().beats(10);
    world.connection.stalled = true;
    world.beats(900);
    world.connection.bufferedBytes = 0;
    world.connection.unsent = 0;
    // The queue moves on by a window that never leaves, the gap among it.
    world.beats(2);
    const first = world.connection;
    assert.equal(first.of('gap').length, 1);
    assert.ok(!received(first).some(({ event }) => event === 'gap'));
    first.lose();
    world.beats(1).open().beats(3);
    const all = [...received(first), ...world.connection.messages];
    // Frames that waited again may have become too old: a second gap, straight after the first.
    const gaps = all.filter(({ event }) => event === 'gap').map(({ gap }) => gap);
    const told = gaps.flatMap(({ fromMs, durationMs }) => beats(fromMs / 20, (fromMs + durationMs) / 20));
    const heard = times(all);
    assert.deepEqual(
      beats(0, 916).filter((at) => !heard.includes(at)),
      told.filter((at) => at < 916 * 20),
    );
    assert.equal(new Set(told).size, told.length);
    assert.ok(told.length > 100);
  });

  it('without another try, what it had not sent counts as dropped', () => {
    const world = new World().open().beats(20);
    world.connection.stalled = true;
    world.beats(30);
    const reached = times(received(world.connection)).length;
    world.connection.lose();
    const counters = world.patches.at(-1)?.counters;
    assert.deepEqual([counters?.framesSent, counters?.framesDropped], [reached, 50 - reached]);
  });

  it('a moved stream does not send again what its old socket still says', () => {
    const world = new World().open().beats(10);
    const first = world.connection;
    world.stream.update({ url: 'wss://other.example/audio' });
    first.stalled = true;
    world.beats(10).open().beats(10);
    assert.deepEqual(times([...first.messages, ...world.connection.messages]), beats(0, 30));
  });

  it('a moved stream says stop to its old socket alone, whether that reads, is stalled or is closing', () => {
    for (const buffered of [0, 100_000, Number.POSITIVE_INFINITY]) {
      const world = new World({ mode: 'bidirectional' }).open().beats(10);
      const first = world.connection;
      first.bufferedBytes = buffered;
      world.beats(5).stream.digit('7');
      world.stream.update({ url: 'wss://other.example/audio' });
      world.open().beats(5);
      assert.deepEqual([first.messages.at(-1).stop?.reason, first.of('stop').length], ['moved', 1], `${buffered}`);
      assert.equal(Number(first.messages.at(-1).sequenceNumber), first.messages.length - 1);
      assert.deepEqual(world.connection.of('stop'), []);
      assert.deepEqual(times([...first.messages, ...world.connection.messages]), beats(0, 20));
      assert.equal([...first.of('dtmf'), ...world.connection.of('dtmf')].length, 1);
    }
  });

  it('answers to what one socket asked are not for the next', () => {
    for (const leave of ['move', 'loss'] as const) {
      const world = new World({ mode: 'bidirectional', dialect: 'twilio', playbackEvents: true, reconnectMs: 9_000 });
      const first = world.open().beats(1).connection;
      first.stalled = true;
      world.say({ event: 'status' });
      world.beats(200);
      world.say({ event: 'status' }).say({ event: 'clear' }).stream.digit('7');
      if (leave === 'move') world.stream.update({ url: 'wss://other.example/audio' });
      else first.lose();
      world.open().beats(5);
      const { connection } = world;
      assert.deepEqual([...connection.of('status'), ...connection.of('cleared')], [], leave);
      assert.equal(connection.of('dtmf').length, 1);
    }
  });
});
