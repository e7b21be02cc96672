/** Streams of a call: begun by document and API, refused, connected, and ended with the call. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { openTwimlParser } from '../../../shared/twiml/twiml-parser.ts';
import { callRecord, World } from '../../support/fake-ports.ts';

const parser = openTwimlParser();
after(() => parser.close());

function worldWith(verbs: string): World {
  const world = new World(parser);
  world.fetcher.pages.set('https://app.example/voice', { body: `<Response>${verbs}</Response>` });
  return world;
}

function answered(world: World, dialect: 'pivot' | 'twilio' = 'pivot'): Promise<void> {
  const done = world.session.run(callRecord({ dialect }));
  world.leg.farAnswers();
  return done;
}

const events = (world: World): (string | undefined)[] =>
  world.journal.callbacks.map(({ fields }) => fields['StreamEvent']);

describe('Start', () => {
  it('AC-1: with nothing after it the socket opens before the call ends with a stop', async () => {
    const world = worldWith('<Start><Stream url="wss://app.example/s"/></Start>');
    world.socketsOpen = false;
    const done = answered(world);
    await world.until('the stream', () => world.streams.length === 1);
    await world.pass(200);
    assert.deepEqual(world.lastStream.log, [], 'the socket is still opening');
    world.lastStream.delegate.onStarted();
    await done;
    assert.deepEqual(world.lastStream.log, ['stop hangup']);
  });

  it('AC-2: the verb after it begins before the handshake is done', async () => {
    const world = worldWith('<Start><Stream url="wss://app.example/s"/></Start><Say>Hello</Say>');
    world.socketsOpen = false;
    const done = answered(world);
    await world.until('speech', () => world.said.length === 1);
    world.leg.farHangsUp();
    await done;
  });

  it('AC-27, AC-28, AC-29: a refused stream is written down and the document goes on', async () => {
    for (const [refusal, message] of [
      ['stream_limit', 'max unidirectional limit reached'],
      ['bidirectional_limit', 'max bidirectional limit reached'],
      ['stream_name_taken', 'stream name already exists'],
    ] as const) {
      const world = worldWith('<Start><Stream url="wss://app.example/s" name="a"/></Start><Hangup/>');
      world.journal.refusal = refusal;
      await answered(world);
      const failed = world.journal.entries.find((entry) => entry.type === 'stream.failed');
      assert.equal(failed?.detail, message);
      assert.equal(world.streams.length, 0);
      assert.equal(world.journal.call.ending?.cause, 'hangup_verb');
    }
  });

  it('AC-37: ws:// in the Twilio dialect is 31922 with a stream-error callback', async () => {
    const world = worldWith(
      '<Start><Stream url="ws://app.example/s" statusCallback="https://app.example/st"/></Start><Hangup/>',
    );
    await answered(world, 'twilio');
    assert.ok(world.seen('stream.failed 31922'));
    assert.deepEqual(events(world), ['stream-error']);
    assert.match(world.journal.callbacks[0]?.fields['StreamError'] ?? '', /^31922 /);
  });

  it('AC-50: a handshake that fails gives stream-error and no stream-started', async () => {
    const world = worldWith(
      '<Start><Stream url="wss://app.example/s" statusCallback="https://app.example/st"/></Start><Pause length="5"/>',
    );
    world.socketsOpen = false;
    const done = answered(world);
    await world.until('the verb', () => world.seen('verb.started Pause'));
    world.lastStream.end('error', { code: 31_920, message: 'connection failed with status code 404' });
    assert.deepEqual(events(world), ['stream-error']);
    assert.match(world.journal.callbacks[0]?.fields['StreamError'] ?? '', /31920/);
    world.leg.farHangsUp();
    await done;
  });

  it('AC-51: success gives stream-started, then exactly one stream-stopped', async () => {
    const world = worldWith(
      '<Start><Stream url="wss://app.example/s" statusCallback="https://app.example/st"/></Start><Pause length="1"/>',
    );
    const done = answered(world);
    await world.until('the verb', () => world.seen('verb.started Pause'));
    await world.pass(1000);
    await done;
    assert.deepEqual(events(world), ['stream-started', 'stream-stopped']);
    const { fields } = world.journal.callbacks[0] ?? { fields: {} };
    assert.deepEqual(Object.keys(fields).sort(), [
      'AccountSid',
      'CallSid',
      'StreamEvent',
      'StreamName',
      'StreamSid',
      'Timestamp',
    ]);
  });
});

describe('the webhook of the account', () => {
  const webhook = { url: 'https://account.example/events', method: 'POST' } as const;

  function told(verbs: string, dialect: 'pivot' | 'twilio' = 'pivot'): { world: World; done: Promise<void> } {
    const world = new World(parser, { webhook });
    world.fetcher.pages.set('https://app.example/voice', { body: `<Response>${verbs}</Response>` });
    return { world, done: answered(world, dialect) };
  }

  const toWebhook = (world: World): Readonly<Record<string, string>>[] =>
    world.journal.callbacks.filter(({ url }) => url === webhook.url).map(({ fields }) => fields);

  for (const dialect of ['pivot', 'twilio'] as const) {
    it(`is told of start and stop with Pivot's fields, in ${dialect}`, async () => {
      const { world, done } = told(
        '<Start><Stream url="wss://app.example/s" name="a"/></Start><Pause length="1"/>',
        dialect,
      );
      await world.until('the verb', () => world.seen('verb.started Pause'));
      const { accountSid, callSid } = world.lastStream.order.call;
      await world.pass(1000);
      await done;
      const same = { account_id: accountSid, call_id: callSid, stream_id: world.lastStream.sid, stream_name: 'a' };
      const [start, stop, ...more] = toWebhook(world);
      assert.deepEqual(more, []);
      assert.deepEqual(start, { event_name: 'stream_start', ...same, timestamp: start?.['timestamp'] });
      assert.deepEqual(stop, { event_name: 'stream_stop', ...same, reason: 'hangup', timestamp: stop?.['timestamp'] });
      assert.match(start?.['timestamp'] ?? '', /^\d{1,10}$/);
    });
  }

  it('AC-8: gets one stream_stop with the error of a stream that never started', async () => {
    const { world, done } = told('<Start><Stream url="wss://app.example/s"/></Start><Pause length="5"/>');
    world.socketsOpen = false;
    await world.until('the verb', () => world.seen('verb.started Pause'));
    world.lastStream.end('error', { code: 31_920, message: 'connection failed with status code 403' });
    const told403 = toWebhook(world).map((fields) => [fields['event_name'], fields['reason'], fields['error_message']]);
    assert.deepEqual(told403, [['stream_stop', 'error', 'connection failed with status code 403']]);
    world.leg.farHangsUp();
    await done;
  });

  it('AC-27: a refused stream is a stream_stop with the sentence of the refusal', async () => {
    const { world, done } = told('<Start><Stream url="wss://app.example/s"/></Start><Hangup/>');
    world.journal.refusal = 'stream_limit';
    await done;
    const [stop] = toWebhook(world);
    assert.deepEqual([stop?.['reason'], stop?.['error_message']], ['error', 'max unidirectional limit reached']);
  });
});

describe('Stop', () => {
  const two =
    '<Start><Stream url="wss://app.example/a" name="a"/></Start><Start><Stream url="wss://app.example/b" name="b"/></Start>';

  it('AC-24: by name stops only that one; without a name all', async () => {
    const world = worldWith(
      `${two}<Stop><Stream name="a"/></Stop><Pause length="1"/><Stop><Stream/></Stop><Pause length="1"/>`,
    );
    const done = answered(world);
    await world.until('the first pause', () => world.seen('verb.started Pause'));
    assert.deepEqual(
      world.streams.map((stream) => stream.log),
      [['stop stopped'], []],
    );
    await world.pass(1000);
    assert.deepEqual(
      world.streams.map((stream) => stream.log),
      [['stop stopped'], ['stop stopped']],
    );
    world.leg.farHangsUp();
    await done;
  });

  it('AC-25: an unknown name changes nothing and the next verb runs', async () => {
    const world = worldWith(`${two}<Stop><Stream name="nope"/></Stop><Pause length="1"/>`);
    const done = answered(world);
    await world.until('the next verb', () => world.seen('verb.started Pause'));
    assert.deepEqual(
      world.streams.map((stream) => stream.log),
      [[], []],
    );
    world.leg.farHangsUp();
    await done;
  });
});

describe('Connect', () => {
  const connect = '<Connect><Stream url="wss://app.example/two-way"/></Connect><Hangup/>';

  it('AC-28: a second two-way stream in it is refused with a sentence and a callback; the first runs', async () => {
    const second = '<Stream url="wss://app.example/b" name="b" statusCallback="https://app.example/status"/>';
    const world = worldWith(`<Connect><Stream url="wss://app.example/a" name="a"/>${second}</Connect>`);
    const done = answered(world);
    await world.until('the refusal', () => events(world).length === 1);
    assert.deepEqual(
      world.streams.map(({ name }) => name),
      ['a'],
    );
    const failed = world.journal.entries.find((entry) => entry.type === 'stream.failed');
    assert.deepEqual([failed?.name, failed?.detail], ['b', 'max bidirectional limit reached']);
    assert.equal(world.journal.callbacks[0]?.fields['StreamError'], '31960 max bidirectional limit reached');
    world.lastStream.end('connection closed');
    await done;
    assert.equal(world.journal.call.ending?.cause, 'stream_ended');
  });

  it('AC-26: Pivot: the app closes the socket and the call is completed, the next verb never runs', async () => {
    const world = worldWith(connect);
    const done = answered(world);
    await world.until('the stream', () => world.streams.length === 1);
    world.lastStream.end('connection closed');
    await done;
    assert.deepEqual([world.journal.call.status, world.journal.call.ending?.cause], ['completed', 'stream_ended']);
    assert.ok(!world.seen('verb.started Hangup'));
  });

  it('AC-35: Twilio: the app closes the socket and the next verb runs', async () => {
    const world = worldWith(connect);
    const done = answered(world, 'twilio');
    await world.until('the stream', () => world.streams.length === 1);
    world.lastStream.end('connection closed');
    await done;
    assert.ok(world.seen('verb.started Hangup'));
  });

  it('AC-36: Twilio: action is requested by POST with the stream that ended', async () => {
    const world = worldWith('<Connect action="/next"><Stream url="wss://app.example/two-way" name="bot"/></Connect>');
    world.fetcher.pages.set('https://app.example/next', { body: '<Response><Hangup/></Response>' });
    const done = answered(world, 'twilio');
    await world.until('the stream', () => world.streams.length === 1);
    world.lastStream.end('connection closed');
    await done;
    const order = world.fetcher.orders[1];
    assert.deepEqual([order?.method, order?.fields['StreamName']], ['POST', 'bot']);
    assert.equal(order?.fields['StreamSid'], world.lastStream.sid);
    assert.equal(world.journal.call.ending?.cause, 'hangup_verb');
  });

  it('AC-38: both_tracks under Connect is 31941 in Twilio', async () => {
    const world = worldWith('<Connect><Stream url="wss://app.example/x" track="both_tracks"/></Connect><Hangup/>');
    await answered(world, 'twilio');
    assert.ok(world.seen('stream.failed 31941'));
    assert.equal(world.journal.call.ending?.cause, 'hangup_verb');
  });

  it('Pivot: a refused two-way stream ends the call', async () => {
    const world = worldWith(connect);
    world.journal.refusal = 'bidirectional_limit';
    await answered(world);
    assert.equal(world.journal.call.ending?.cause, 'stream_failed');
  });

  it('the app hangs up through its stream, and presses digits', async () => {
    const world = worldWith(connect);
    const done = answered(world);
    await world.until('the stream', () => world.streams.length === 1);
    world.lastStream.delegate.onPress('7');
    world.lastStream.delegate.onHangup();
    await done;
    assert.ok(world.leg.log.includes('press 7'));
    assert.equal(world.journal.call.ending?.cause, 'stream_hangup');
  });

  it('a replaced document takes its two-way stream along', async () => {
    const world = worldWith(connect);
    const done = answered(world);
    await world.until('the stream', () => world.streams.length === 1);
    world.session.deliver({ kind: 'replace', document: { kind: 'inline', twiml: '<Response><Hangup/></Response>' } });
    await done;
    assert.deepEqual(world.lastStream.log, ['stop stopped']);
    assert.equal(world.journal.call.ending?.cause, 'hangup_verb');
  });
});

describe('streams of the API', () => {
  it('are started, steered and stopped by letters, twice without harm', async () => {
    const world = worldWith('<Start><Stream url="wss://app.example/s" name="a"/></Start><Pause length="5"/>');
    const done = answered(world);
    await world.until('the verb', () => world.seen('verb.started Pause'));
    const other = { ...world.lastStream.record, sid: `MZ${'0'.repeat(32)}` as typeof world.lastStream.sid };
    world.journal.records.set(other.sid, other);
    world.session.deliver({ kind: 'stream-start', stream: other.sid });
    world.session.deliver({ kind: 'stream-start', stream: other.sid });
    await world.until('the second stream', () => world.streams.length === 2);
    world.session.deliver({ kind: 'stream-update', stream: other.sid, paused: true });
    world.session.deliver({ kind: 'stream-stop', stream: other.sid });
    world.session.deliver({ kind: 'end', status: 'completed' });
    await done;
    assert.equal(world.streams.length, 2);
    assert.deepEqual(world.lastStream.log, ['update {"paused":true}', 'stop api']);
  });

  it('what is asked of one together with its start is done after it', async () => {
    const world = worldWith('<Start><Stream url="wss://app.example/s" name="a"/></Start><Pause length="5"/>');
    const done = answered(world);
    await world.until('the verb', () => world.seen('verb.started Pause'));
    const stream = `MZ${'0'.repeat(32)}` as typeof world.lastStream.sid;
    world.journal.records.set(stream, { ...world.lastStream.record, sid: stream });
    world.session.deliver({ kind: 'stream-start', stream });
    world.session.deliver({ kind: 'stream-update', stream, paused: true });
    world.session.deliver({ kind: 'stream-stop', stream });
    await world.until('the second stream', () => world.streams.length === 2);
    await world.until('its end', () => world.lastStream.log.includes('stop api'));
    assert.deepEqual(world.lastStream.log, ['update {"paused":true}', 'stop api']);
    world.session.deliver({ kind: 'end', status: 'completed' });
    await done;
    assert.equal(world.journal.types('stream.stopped').length, 0, 'none was written off');
  });
});
