/** What the app receives: PROTOCOL §2.4, §2.5, §4.2, §10, §11, §14.2–§14.6. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sine, toneLevel } from '../../support/tone.ts';
import { mulaw, type Received, settled, twilio, World } from './world.ts';

const timestamps = (messages: Received[]): number[] => messages.map(({ media }) => Number(media.timestamp));
const numbers = (messages: Received[]): number[] => messages.map(({ sequenceNumber }) => Number(sequenceNumber));
const count = (length: number, from = 1): number[] => Array.from({ length }, (_, index) => index + from);
const samplesOf = (messages: Received[]): Int16Array => {
  const bytes = Buffer.concat(messages.map(({ media }) => Buffer.from(media.payload, 'base64')));
  return Int16Array.from({ length: bytes.length / 2 }, (_, at) => bytes.readInt16LE(at * 2));
};

describe('to the app', () => {
  it('AC-10, AC-11, AC-12, AC-13: connected, start, then media numbered without gaps, 20 ms apart', () => {
    const world = new World({ customParameters: { ticket: 'K-204' } }).open().beats(50);
    const [connected, start, ...media] = world.connection.messages;
    assert.deepEqual(connected, { event: 'connected', protocol: 'Call', version: '1.0.0' });
    assert.equal(start.event, 'start');
    assert.equal(start.sequenceNumber, '1');
    assert.equal(start.streamName, world.stream.name);
    assert.equal(start.start.streamSid, world.stream.sid);
    assert.deepEqual(start.start.tracks, ['inbound']);
    assert.deepEqual(start.start.customParameters, { ticket: 'K-204' });
    assert.equal(start.start.reconnected, undefined);
    assert.deepEqual(numbers(media), count(50, 2));
    assert.deepEqual(
      media.map((message) => message.media.chunk),
      count(50).map(String),
    );
    assert.deepEqual(
      timestamps(media),
      count(50, 0).map((beat) => beat * 20),
    );
  });

  it('AC-15: stop comes once, last, with both sids, and then the close', async () => {
    const world = new World().open().beats(2);
    await world.stream.stop('hangup');
    await world.stream.stop('api');
    const last = world.connection.messages.at(-1);
    assert.equal(world.connection.of('stop').length, 1);
    assert.equal(last.event, 'stop');
    assert.match(last.stop.accountSid, /^AC/);
    assert.equal(last.stop.callSid, world.stream.record.callSid);
    assert.equal(last.stop.reason, 'hangup');
    assert.equal(world.connection.ended, 'closed');
    assert.deepEqual(world.stops, [{ reason: 'hangup', error: null }]);
    assert.equal(world.branches.size, 0);
    assert.equal(world.clock.pending, 0);
  });

  it('audio from before the socket is kept for 2 s and sent with its own time', () => {
    const world = new World().beats(10).open().beats(1);
    assert.deepEqual(timestamps(world.connection.of('media')), [0, 20, 40, 60, 80, 100, 120, 140, 160, 180, 200]);
    const late = new World({ playbackEvents: true }).beats(150).open().beats(1);
    const media = late.connection.of('media');
    assert.equal(media[0].media.timestamp, '1000');
    assert.equal(media[0].media.chunk, '1');
    assert.deepEqual(late.connection.of('gap')[0].gap, {
      track: 'inbound',
      fromMs: 0,
      durationMs: 1000,
      reason: 'connecting',
    });
    assert.equal(late.stream.counters().framesDropped, 50);
  });

  it('AC-14, AC-42: digits are told to Pivot apps, and to Twilio apps on two-way streams only', () => {
    const digits = (spec: ConstructorParameters<typeof World>[0]): Received[] => {
      const world = new World(spec).open();
      world.stream.digit('5');
      return world.connection.of('dtmf').map(({ dtmf }) => dtmf);
    };
    const five = [{ track: 'inbound_track', digit: '5' }];
    assert.deepEqual(digits({}), five);
    assert.deepEqual(digits({ mode: 'bidirectional' }), five);
    assert.deepEqual(digits({ ...twilio, mode: 'bidirectional' }), five);
    assert.deepEqual(digits(twilio), []);
    assert.deepEqual(digits({ mode: 'raw' }), []);
  });

  it('AC-16: a raw stream is binary from the first frame and never says a word', async () => {
    const world = new World({ mode: 'raw' }).beats(3).open().beats(3);
    world.stream.digit('5');
    world.say({ event: 'media' });
    await world.stream.stop('stopped');
    assert.equal(world.connection.binaries.length, 6);
    assert.equal(world.connection.binaries[0]?.length, 320);
    assert.deepEqual(world.connection.messages, []);
  });

  it('AC-40, AC-41: Twilio tracks are interleaved messages of 160 bytes, counters are strings', () => {
    const world = new World({ ...twilio, track: 'both' }).open().beats(3);
    const [, start, ...media] = world.connection.messages;
    assert.equal(start.streamName, undefined);
    assert.deepEqual(start.start.tracks, ['inbound', 'outbound']);
    assert.deepEqual(
      media.map(({ media }) => [media.track, media.chunk]),
      [1, 2, 3].flatMap((chunk) => [
        ['inbound', String(chunk)],
        ['outbound', String(chunk)],
      ]),
    );
    for (const { media: one, sequenceNumber } of media) {
      assert.equal(typeof sequenceNumber, 'string');
      assert.equal(typeof one.timestamp, 'string');
      assert.equal(Buffer.from(one.payload, 'base64').length, 160);
    }
  });

  it('AC-83: stereo has the outbound leg left and the inbound leg right', () => {
    const mediaFormat = { encoding: 'audio/L16', sampleRate: 8000, channels: 2 } as const;
    const world = new World({ track: 'both', mediaFormat }).open();
    const tone = sine(1000, 20, 8000);
    world.beats(20, {}, { samples: tone });
    const media = world.connection.of('media');
    assert.equal(media[0].media.track, 'both');
    const both = samplesOf(media);
    const left = both.filter((_, at) => at % 2 === 0);
    const right = both.filter((_, at) => at % 2 === 1);
    assert.ok(toneLevel(left, 1000, 8000) > 0.4);
    assert.ok(right.every((sample) => sample === 0));
  });

  it('Pivot mixes both tracks into one channel', () => {
    const world = new World({ track: 'both' }).open();
    world.beats(1, { samples: new Int16Array(160).fill(100) }, { samples: new Int16Array(160).fill(23) });
    const media = world.connection.of('media');
    assert.equal(media.length, 1);
    assert.equal(media[0].media.track, 'both');
    assert.ok(samplesOf(media).every((sample) => sample === 123));
  });

  it('AC-3: audio at another rate than the leg comes in frames of 20 ms', () => {
    for (const sampleRate of [16000, 24000, 32000, 48000] as const) {
      const mediaFormat = { encoding: 'audio/L16', sampleRate, channels: 1 } as const;
      const world = new World({ mediaFormat }).open().beats(3);
      const [, start] = world.connection.messages;
      assert.deepEqual(start.start.mediaFormat, {
        ...mediaFormat,
        endianness: 'little',
        frameBytes: sampleRate / 25,
      });
      for (const { media } of world.connection.of('media')) {
        assert.equal(Buffer.from(media.payload, 'base64').length, sampleRate / 25);
      }
    }
  });

  it('a packet of the same codec is copied, not coded again', () => {
    const world = new World({ mediaFormat: mulaw }).open();
    const payload = Uint8Array.from({ length: 160 }, (_, at) => at);
    world.beats(1, { encoded: { encoding: 'audio/x-mulaw', payload } });
    assert.deepEqual(Buffer.from(world.connection.of('media')[0].media.payload, 'base64'), Buffer.from(payload));
  });

  it('AC-90: an app that does not read loses the oldest audio, is told exactly how much, and keeps its control', () => {
    const world = new World({ playbackEvents: true }).open().beats(10);
    world.connection.stalled = true;
    world.beats(3000);
    world.stream.digit('7');
    const written = world.connection.of('media').length;
    const { framesDropped } = world.stream.counters();
    assert.ok(world.connection.bufferedBytes < 40_000);
    assert.equal(world.warnings(31930), 1);
    world.connection.recover();
    world.beats(1);
    const media = world.connection.of('media');
    const [gap] = world.connection.of('gap');
    assert.equal(gap.gap.reason, 'congestion');
    assert.equal(gap.gap.fromMs, written * 20);
    assert.equal(gap.gap.durationMs, framesDropped * 20);
    assert.equal(media[written].media.timestamp, String(gap.gap.fromMs + gap.gap.durationMs));
    assert.equal(media.at(-1).media.timestamp, String(3010 * 20));
    assert.equal(media.length + framesDropped, 3011);
    assert.equal(world.connection.of('dtmf')[0].dtmf.digit, '7');
    assert.deepEqual(numbers(world.connection.messages.slice(1)), count(world.connection.messages.length - 1));
    assert.deepEqual(world.entries.filter(({ type }) => type === 'stream.gap').length, 1);
  });

  it('does not send what a stream did not ask for', () => {
    const world = new World().beats(150).open().beats(1);
    assert.deepEqual(world.connection.of('gap'), []);
  });

  it('AC-91: a lost socket is opened again; the audio of the meantime follows a new start', () => {
    const world = new World({ reconnectMs: 10_000 }).open().beats(50);
    const first = world.connection;
    first.lose();
    assert.equal(world.stream.record.status, 'reconnecting');
    world.beats(50);
    world.connection.lose();
    world.beats(50);
    world.open().beats(10);
    const second = world.connection;
    assert.notEqual(second, first);
    assert.deepEqual(
      second.messages.slice(0, 2).map(({ event }) => event),
      ['connected', 'start'],
    );
    assert.equal(second.messages[1].start.reconnected, true);
    assert.equal(second.messages[1].sequenceNumber, '1');
    const all = timestamps([...first.of('media'), ...second.of('media')]);
    assert.deepEqual(
      all,
      count(160, 0).map((beat) => beat * 20),
    );
    assert.equal(world.stream.counters().reconnects, 1);
    assert.deepEqual(world.stops, []);
    assert.equal(world.started, 1);
  });

  it('reconnecting ends when its time is over, or at once when the app closed on purpose', () => {
    const world = new World({ reconnectMs: 3_000 }).open().beats(5);
    world.connection.lose();
    for (let tries = 0; tries < 20 && world.stops.length === 0; tries++) {
      if (world.connection.ended === null) world.connection.lose();
      world.beats(25);
    }
    assert.equal(world.stops[0]?.error?.code, 31903);
    assert.equal(world.clock.pending, 0);
    const closed = new World({ reconnectMs: 3_000 }).open();
    closed.connection.lose(1000);
    assert.deepEqual(closed.stops, [{ reason: 'connection closed', error: null }]);
  });

  it('AC-8, AC-50: a stream that cannot connect has failed, and says so once', () => {
    const world = new World();
    const error = { code: 31920, message: 'connection failed with status code 403' };
    world.connection.app.onGone({ error, stage: 'upgrade', retryable: false, closeCode: null });
    assert.deepEqual(world.stops, [{ reason: 'error', error }]);
    assert.equal(world.started, 0);
    assert.equal(world.stream.record.status, 'failed');
    assert.equal(world.branches.size, 0);
  });

  it('AC-51: started once, stopped once, whatever comes after', async () => {
    const world = new World().open().beats(1);
    world.connection.lose(1000);
    world.connection.lose();
    await world.stream.stop('hangup');
    assert.equal(world.started, 1);
    assert.deepEqual(world.stops, [{ reason: 'connection closed', error: null }]);
  });

  it('AC-84, AC-92: a lost, a stalled and a stopped stream leave the fourth as it is', async () => {
    const calm = new World().open().beats(600);
    const others = [new World().open(), new World().open(), new World().open()] as const;
    const world = new World().open();
    others[1].connection.stalled = true;
    for (let beat = 0; beat < 600; beat++) {
      if (beat === 100) others[0].connection.lose();
      if (beat === 200) await others[2].stream.stop('stopped');
      for (const one of [...others, world]) one.beats(1);
    }
    const media = (of: World): Received[] => of.connection.of('media').map(({ media }) => media);
    assert.deepEqual(media(world), media(calm));
  });

  it('AC-93: every beat is told, from start to stop', async () => {
    const world = new World({ track: 'both' }).beats(25).open().beats(500);
    await world.stream.stop('hangup');
    assert.deepEqual(
      timestamps(world.connection.of('media')),
      count(525, 0).map((beat) => beat * 20),
    );
  });

  it('pausing sends nothing and is no gap; the time goes on', () => {
    const world = new World({ playbackEvents: true }).open().beats(2);
    world.stream.update({ paused: true });
    assert.equal(world.stream.record.status, 'paused');
    world.beats(10);
    world.stream.update({ paused: false });
    world.beats(2);
    assert.deepEqual(timestamps(world.connection.of('media')), [0, 20, 240, 260]);
    assert.deepEqual(numbers(world.connection.of('media')), [2, 3, 4, 5]);
    assert.deepEqual(world.connection.of('gap'), []);
  });

  it('another track takes effect without a new start', () => {
    const world = new World(twilio).open().beats(1);
    world.stream.update({ track: 'outbound' });
    world.beats(1);
    assert.deepEqual(
      world.connection.of('media').map(({ media }) => [media.track, media.timestamp]),
      [
        ['inbound', '0'],
        ['outbound', '20'],
      ],
    );
    assert.equal(world.connection.of('start').length, 1);
    assert.deepEqual(world.connection.of('gap'), []);
  });

  it('another URL is open before the old socket closes, and nothing is missing', () => {
    const world = new World().open().beats(2);
    const first = world.connection;
    world.stream.update({ url: 'wss://other.example/audio' });
    world.beats(2);
    assert.equal(first.ended, null);
    world.open().beats(2);
    assert.equal(first.ended, 'closed');
    assert.equal(first.messages.at(-1).event, 'stop');
    assert.equal(world.connection.order.url, 'wss://other.example/audio');
    assert.equal(world.connection.of('start').length, 1);
    const all = timestamps([...first.of('media'), ...world.connection.of('media')]);
    assert.deepEqual(all, [0, 20, 40, 60, 80, 100]);
  });

  it('what changed is in the timeline, with the name of the stream and without credentials', () => {
    const world = new World({ name: 'agent' }).open();
    world.stream.update({ paused: true, track: 'both' });
    world.stream.update({ paused: false, url: 'wss://merlin:wand@other.example/audio' });
    world.open();
    const of = { stream: world.stream.sid, name: 'agent' };
    assert.deepEqual(
      world.entries.filter(({ type }) => /^stream\.(paused|resumed|updated)$/.test(type)),
      [
        { type: 'stream.paused', ...of },
        { type: 'stream.updated', ...of, track: 'both' },
        { type: 'stream.resumed', ...of },
        { type: 'stream.updated', ...of, url: 'wss://other.example/audio' },
      ],
    );
  });

  it('a new URL that cannot be reached leaves the stream as it was', () => {
    const world = new World().open().beats(1);
    const first = world.connection;
    world.stream.update({ url: 'wss://other.example/audio' });
    world.connection.lose();
    world.beats(1);
    assert.equal(first.of('media').length, 2);
    assert.notEqual(world.stream.record.spec.url, 'wss://other.example/audio');
    assert.equal(world.warnings(31903), 1);
  });

  it('a socket lost while its successor connects is followed by the successor', () => {
    const world = new World({ reconnectMs: 5_000 }).open().beats(1);
    const first = world.connection;
    world.stream.update({ url: 'wss://other.example/audio' });
    first.lose();
    world.beats(2).open().beats(1);
    assert.equal(world.connections.length, 2);
    assert.equal(world.stream.record.status, 'in-progress');
    assert.equal(world.stream.record.spec.url, 'wss://other.example/audio');
    assert.deepEqual(timestamps(world.connection.of('media')), [20, 40, 60]);
    assert.equal(world.clock.pending, 0);
  });

  it('a stream we no longer own is dropped without a word', async () => {
    const world = new World().open().beats(1);
    const told = [world.patches.length, world.entries.length];
    world.stream.lost();
    await world.stream.stop('hangup');
    await settled();
    assert.equal(world.connection.ended, 'terminated');
    assert.deepEqual(world.connection.of('stop'), []);
    assert.deepEqual(world.stops, []);
    assert.deepEqual([world.patches.length, world.entries.length], told);
    assert.equal(world.branches.size, 0);
  });

  it('counters are told once a second, and at the end', async () => {
    const world = new World().open().beats(100);
    assert.equal(world.patches.filter(({ counters }) => counters !== undefined).length, 2);
    await world.stream.stop('stopped');
    const last = world.patches.at(-1);
    assert.equal(last?.status, 'stopped');
    assert.equal(last?.counters?.framesSent, 100);
  });
});
