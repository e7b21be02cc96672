/** A call from its first letter to its last write, over a leg and streams played by the test; the parser is the real one. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { CallPlan, CallRecord } from '../../../shared/domain/call.ts';
import { FIRST_LEG, type GatewayId } from '../../../shared/kernel/ids.ts';
import { openTwimlParser } from '../../../shared/twiml/twiml-parser.ts';
import type { FoundStage } from '../../../worker/leg/leg.ts';
import { callRecord, World } from '../../support/fake-ports.ts';

const parser = openTwimlParser();
after(() => parser.close());

const VOICE = 'https://app.example/voice';

type Over = Partial<Omit<CallRecord, 'plan'>> & { readonly plan?: Partial<CallPlan> };

/** A world whose primary URL answers with these verbs. */
function worldWith(verbs: string): World {
  const world = new World(parser);
  world.fetcher.pages.set(VOICE, { body: `<Response>${verbs}</Response>` });
  return world;
}

/** An outbound call that was answered; its document is on its way. */
function answered(world: World, over: Over = {}): Promise<void> {
  const done = world.session.run(callRecord(over));
  world.leg.farRings();
  world.leg.farAnswers();
  return done;
}

const inbound: Over = { direction: 'inbound' };

describe('an outbound call', () => {
  it('AC-81: dials, runs its document on the answer, hangs up at its end, completed', async () => {
    const world = worldWith('<Say>Hello</Say>');
    const done = world.session.run(callRecord({ plan: { sendDigits: '1w2' } }));
    assert.deepEqual(world.leg.log, ['dial +15550100']);
    world.leg.farRings();
    assert.equal(world.journal.call.status, 'ringing');
    assert.equal(world.fetcher.orders.length, 0, 'nothing is fetched before the answer');
    assert.deepEqual(world.leg.order, {
      to: '+15550100',
      from: '+15550199',
      callerName: null,
      trunk: null,
      headers: {},
      ringTimeoutMs: 60_000,
      orderedAt: '2026-11-23T10:00:00.000Z',
    });
    world.leg.farAnswers();
    await world.until('speech', () => world.said.length === 1);
    assert.equal(world.fetcher.orders[0]?.fields['CallStatus'], 'in-progress');
    await world.pass(1200);
    await done;
    assert.deepEqual(world.leg.log, ['dial +15550100', 'press 1w2', 'hangup', 'close']);
    assert.equal(world.leg.playout.playedSamples, 8000);
    const { status, ending, durationMs } = world.journal.call;
    assert.deepEqual([status, ending?.cause, ending?.blame], ['completed', 'document_ended', 'application']);
    assert.ok(durationMs !== undefined && durationMs !== null && durationMs >= 1000);
    assert.equal(world.clock.pending, 0);
  });

  it('AC-65: tells initiated, ringing, in-progress and completed with SequenceNumber 0 to 3', async () => {
    const world = worldWith('<Hangup/>');
    await answered(world, {
      plan: {
        statusCallback: 'https://app.example/status',
        statusCallbackEvents: ['initiated', 'ringing', 'answered', 'completed'],
      },
    });
    const told = world.journal.callbacks.map(({ fields }) => [fields['CallStatus'], fields['SequenceNumber']]);
    assert.deepEqual(told, [
      ['initiated', '0'],
      ['ringing', '1'],
      ['in-progress', '2'],
      ['completed', '3'],
    ]);
  });

  it('AC-66: a busy callee gives one completed event with CallStatus busy', async () => {
    const world = worldWith('');
    const done = world.session.run(callRecord({ plan: { statusCallback: 'https://app.example/status' } }));
    world.leg.farRefuses(486, 'Busy Here');
    await done;
    assert.deepEqual(
      world.journal.callbacks.map(({ event, fields }) => [event, fields['CallStatus'], fields['SipResponseCode']]),
      [['call.completed', 'busy', '486']],
    );
    assert.deepEqual(world.leg.log, ['dial +15550100', 'close'], 'nobody is left to hang up on');
  });

  it('AC-60: canceled while ringing ends canceled, by the API', async () => {
    const world = worldWith('');
    const done = world.session.run(callRecord());
    world.leg.farRings();
    world.session.deliver({ kind: 'end', status: 'canceled' });
    world.session.deliver({ kind: 'end', status: 'canceled' });
    await done;
    assert.deepEqual(world.journal.call.ending?.blame, 'api');
    assert.equal(world.journal.call.status, 'canceled');
    assert.deepEqual(world.leg.log, ['dial +15550100', 'hangup', 'close']);
  });

  it('ends at its time limit', async () => {
    const world = worldWith('<Pause length="3600"/>');
    const done = answered(world, { plan: { timeLimitMs: 5000 } });
    await world.until('the verb', () => world.seen('verb.started Pause'));
    await world.pass(5000);
    await done;
    assert.equal(world.journal.call.ending?.cause, 'time_limit');
  });

  it('hangs up when the far end does, in the middle of a prompt', async () => {
    const world = worldWith('<Say loop="0">For ever</Say><Say>Never</Say>');
    const done = answered(world);
    await world.until('speech', () => world.said.length === 1);
    await world.pass(500);
    assert.equal(world.session.isOver, false);
    world.leg.farHangsUp();
    assert.deepEqual([world.session.isOver, world.journal.call.ending], [true, undefined], 'not said yet');
    await done;
    assert.deepEqual([world.journal.call.ending?.cause, world.journal.call.ending?.blame], ['far_hangup', 'callee']);
    assert.equal(world.said.length, 1);
    assert.equal(world.leg.playout.queuedSamples, 0);
  });
});

describe('an inbound call', () => {
  it('fetches before it answers; the first verb that needs it answers', async () => {
    const world = worldWith('<Say>Hello</Say>');
    const done = world.session.run(callRecord(inbound));
    assert.deepEqual(world.leg.log, ['ring']);
    await world.until('the answer', () => world.leg.log.includes('answer'));
    assert.equal(world.fetcher.orders[0]?.fields['CallStatus'], 'ringing');
    await world.pass(1200);
    await done;
    assert.deepEqual(world.leg.log, ['ring', 'answer', 'hangup', 'close']);
  });

  for (const by of ['cancel', 'bye'] as const) {
    it(`is canceled by its caller before the answer, by ${by}`, async () => {
      const world = worldWith('<Say>Hello</Say>');
      const done = world.session.run(callRecord(inbound));
      world.leg.farHangsUp(by);
      await done;
      assert.deepEqual([world.journal.call.status, world.journal.call.ending?.cause], ['canceled', 'caller_canceled']);
    });
  }

  it('without a media port ends as ours', async () => {
    const world = worldWith('<Say>Hello</Say>');
    const done = world.session.run(callRecord(inbound));
    world.leg.farRefuses(503, 'No RTP port free', true);
    await done;
    const { ending } = world.journal.call;
    assert.deepEqual([ending?.status, ending?.cause, ending?.blame], ['failed', 'no_media_port', 'platform']);
  });

  for (const [reason, sipCode, status] of [
    ['busy', 486, 'busy'],
    ['rejected', 503, 'no-answer'],
  ] as const) {
    it(`AC-32: Reject ${reason} first is never answered: ${sipCode}, ${status}`, async () => {
      const world = worldWith(`<Reject reason="${reason}"/>`);
      await world.session.run(callRecord(inbound));
      assert.deepEqual(world.leg.log, ['ring', `reject ${sipCode}`, 'close']);
      assert.equal(world.journal.call.status, status);
      assert.equal(world.journal.call.answeredAt, undefined);
    });
  }

  it('AC-80: a Twilio Pause of 2 s comes before the answer', async () => {
    const world = worldWith('<Pause length="2"/><Say>Hello</Say>');
    const done = world.session.run(callRecord({ ...inbound, dialect: 'twilio' }));
    await world.until('the verb', () => world.seen('verb.started Pause'));
    await world.pass(1980);
    assert.deepEqual(world.leg.log, ['ring']);
    await world.pass(40);
    assert.deepEqual(world.leg.log, ['ring', 'answer']);
    world.leg.farHangsUp();
    await done;
  });

  it('a Pivot Pause answers first', async () => {
    const world = worldWith('<Pause length="2"/>');
    const done = world.session.run(callRecord(inbound));
    await world.until('the answer', () => world.leg.log.includes('answer'));
    await world.pass(2000);
    await done;
    assert.equal(world.journal.call.status, 'completed');
  });

  it('the caller gives up before the answer: canceled', async () => {
    const world = worldWith('<Pause length="20"/>');
    const done = world.session.run(callRecord({ ...inbound, dialect: 'twilio' }));
    await world.until('the verb', () => world.seen('verb.started Pause'));
    world.leg.farHangsUp('cancel');
    await done;
    assert.deepEqual([world.journal.call.status, world.journal.call.ending?.blame], ['canceled', 'caller']);
  });

  it('is refused when no document can be had', async () => {
    const world = new World(parser);
    await world.session.run(callRecord(inbound));
    assert.deepEqual(world.leg.log, ['ring', 'reject 503', 'close']);
    assert.deepEqual([world.journal.call.status, world.journal.call.ending?.cause], ['failed', 'document_failed']);
  });
});

describe('documents that fail', () => {
  it('AC-33: Pivot hangs up on an unparsable second document, without asking the fallback', async () => {
    const world = worldWith('<Redirect>/two</Redirect>');
    world.fetcher.pages.set('https://app.example/two', { body: '<Response><Say>' });
    world.fetcher.pages.set('https://app.example/fallback', { body: '<Response><Say>Never</Say></Response>' });
    await answered(world, { plan: { fallbackUrl: 'https://app.example/fallback' } });
    assert.equal(world.journal.call.ending?.cause, 'document_failed');
    assert.equal(world.fetcher.orders.length, 2);
    assert.ok(world.seen('document.error 12100'));
  });

  it('AC-33: on the first document the fallback runs, told what went wrong', async () => {
    const world = worldWith('<Say>');
    world.fetcher.pages.set('https://app.example/fallback', { body: '<Response><Hangup/></Response>' });
    await answered(world, { plan: { fallbackUrl: 'https://app.example/fallback' } });
    assert.equal(world.fetcher.orders[1]?.fields['ErrorCode'], '12100');
    assert.equal(world.fetcher.orders[1]?.fields['ErrorUrl'], VOICE);
    assert.equal(world.journal.call.ending?.cause, 'hangup_verb');
  });

  it('AC-68: Twilio: primary and fallback both 500, then an apology and the end', async () => {
    const world = new World(parser);
    world.fetcher.pages.set(VOICE, { fail: 11_200, status: 500 });
    const done = answered(world, { dialect: 'twilio', plan: { fallbackUrl: 'https://app.example/fallback' } });
    await world.until('the apology', () => world.said.length === 1);
    assert.equal(world.fetcher.orders[1]?.fields['ErrorCode'], '11200');
    assert.match(world.said[0]?.text ?? '', /application error/);
    await world.pass(1200);
    await done;
    assert.equal(world.journal.call.ending?.cause, 'document_failed');
    assert.equal(world.journal.call.status, 'completed');
  });

  it('AC-71: <say> is warned about and the following verb runs', async () => {
    const world = worldWith('<say>no</say><Hangup/>');
    await answered(world);
    assert.ok(world.seen('document.warning 12200'));
    assert.equal(world.journal.call.ending?.cause, 'hangup_verb');
  });

  it('a document that redirects to itself is slowed down and ended', async () => {
    const world = worldWith('<Redirect>/voice</Redirect>');
    const done = answered(world);
    await world.until('a burst', () => world.fetcher.orders.length === 20);
    await world.pass(60);
    assert.equal(world.fetcher.orders.length, 20, 'the next one has to wait');
    world.leg.farHangsUp();
    await done;
  });

  it('empty in Pivot: finish and hang up', async () => {
    const world = new World(parser);
    world.fetcher.pages.set(VOICE, { body: '' });
    await answered(world);
    assert.equal(world.journal.call.ending?.cause, 'document_ended');
  });

  it('Twilio: text/plain that is no TwiML is read aloud, a missing type is 12300', async () => {
    const plain = new World(parser);
    plain.fetcher.pages.set(VOICE, { body: 'Good morning', type: 'text/plain' });
    const done = answered(plain, { dialect: 'twilio' });
    await plain.until('speech', () => plain.said[0]?.text === 'Good morning');
    plain.leg.farHangsUp();
    await done;

    const missing = new World(parser);
    missing.fetcher.pages.set(VOICE, { body: '<Response/>', type: null });
    const over = answered(missing, { dialect: 'twilio' });
    await missing.until('the error', () => missing.seen('document.error 12300'));
    missing.leg.farHangsUp();
    await over;
  });
});

describe('keys and letters', () => {
  it('Pivot: any key stops a prompt, the next verb runs and every stream is told the digit', async () => {
    const world = worldWith('<Start><Stream url="wss://app.example/s"/></Start><Say loop="0">Menu</Say><Hangup/>');
    const done = answered(world);
    await world.until('speech', () => world.said.length === 1);
    await world.pass(300);
    world.leg.farPresses('5');
    await done;
    assert.deepEqual(world.lastStream.log, ['digit 5', 'stop hangup']);
    assert.deepEqual(
      world.journal.entries.find((entry) => entry.type === 'dtmf.received'),
      { type: 'dtmf.received', digit: '•', by: 'rfc4733', durationMs: 100 },
    );
    assert.equal(world.journal.call.ending?.cause, 'hangup_verb');
  });

  it('Twilio: a key does not stop Say', async () => {
    const world = worldWith('<Say>Long</Say><Hangup/>');
    const done = answered(world, { dialect: 'twilio' });
    await world.until('speech', () => world.said.length === 1);
    world.leg.farPresses('5');
    await world.pass(500);
    assert.equal(world.leg.playout.clears, 0);
    await world.pass(700);
    await done;
    assert.equal(world.leg.playout.playedSamples, 8000);
  });

  it('AC-61: a replacing document interrupts the running verb; one-way streams survive it', async () => {
    const world = worldWith('<Start><Stream url="wss://app.example/s"/></Start><Say loop="0">Old</Say>');
    const done = answered(world);
    await world.until('speech', () => world.said.length === 1);
    const twiml = '<Response><Pause length="1"/></Response>';
    world.session.deliver({ kind: 'replace', document: { kind: 'inline', twiml } });
    await world.until('the new document', () => world.seen('verb.started Pause'));
    assert.deepEqual(world.lastStream.log, []);
    assert.equal(world.leg.playout.queuedSamples, 0);
    await world.pass(1000);
    await done;
    assert.deepEqual(world.lastStream.log, ['stop hangup']);
  });

  it('presses digits for the API and keeps them out of the timeline', async () => {
    const world = worldWith('<Pause length="5"/>');
    const done = answered(world);
    await world.until('the verb', () => world.seen('verb.started Pause'));
    world.session.deliver({ kind: 'press', digits: '42' });
    world.session.deliver({ kind: 'end', status: 'completed' });
    await done;
    assert.ok(world.leg.log.includes('press 42'));
    assert.deepEqual(
      world.journal.entries.find((entry) => entry.type === 'dtmf.sent'),
      { type: 'dtmf.sent', digits: '••', by: 'api' },
    );
    assert.deepEqual([world.journal.call.status, world.journal.call.ending?.blame], ['completed', 'api']);
  });
});

describe('digits that are asked for faster than they are pressed', () => {
  /** In a `<Connect>`; keys go down and stay there. */
  async function pressing(): Promise<{ world: World; done: Promise<void>; sent: () => number }> {
    const world = worldWith('<Connect><Stream url="wss://app.example/two-way"/></Connect>');
    const done = answered(world);
    await world.until('the stream', () => world.streams.length === 1);
    world.leg.press = (digits) => {
      world.leg.keysWaiting += digits.length;
      return new Promise(() => {});
    };
    return { world, done, sent: () => world.journal.types('dtmf.sent').length };
  }

  it('by an app: those beyond 256 that wait are refused, and leave no trace', async () => {
    const { world, done, sent } = await pressing();
    const { delegate } = world.lastStream;
    const taken = Array.from({ length: 1000 }, () => delegate.onPress('1'.repeat(64)));
    assert.deepEqual([taken.indexOf(false), taken.lastIndexOf(true), sent()], [4, 3, 4]);
    assert.equal(world.leg.keysWaiting, 256);
    world.leg.keysWaiting = 255;
    assert.deepEqual([delegate.onPress('2'), delegate.onPress('3'), sent()], [true, false, 5]);
    world.leg.farHangsUp();
    await done;
  });

  it('by the API: refused as well, and the timeline says so, without the digits', async () => {
    const { world, done, sent } = await pressing();
    for (let asked = 0; asked < 3; asked++) world.session.deliver({ kind: 'press', digits: '1'.repeat(128) });
    assert.deepEqual([sent(), world.leg.keysWaiting], [2, 256]);
    assert.deepEqual(world.journal.entries.at(-1), {
      type: 'dtmf.failed',
      digits: '•'.repeat(128),
      by: 'api',
      detail: 'too many digits wait to be pressed',
    });
    world.leg.farHangsUp();
    await done;
  });
});

describe('an owner that changes', () => {
  it('lost: silence, no hang-up, nothing written', async () => {
    const world = worldWith('<Start><Stream url="wss://app.example/s"/></Start><Pause length="5"/>');
    const done = answered(world);
    await world.until('the verb', () => world.seen('verb.started Pause'));
    const before = world.journal.patches.length;
    world.session.lost();
    await done;
    assert.deepEqual(world.leg.log, ['dial +15550100', 'close']);
    assert.deepEqual(world.lastStream.log, ['lost']);
    assert.equal(world.journal.patches.length, before);
    assert.equal(world.journal.call.ending, undefined);
  });

  it('ownerClosed: hangs up and blames the platform', async () => {
    const world = worldWith('<Pause length="5"/>');
    const done = answered(world);
    await world.until('the verb', () => world.seen('verb.started Pause'));
    world.session.ownerClosed();
    await done;
    assert.deepEqual(
      [world.journal.call.ending?.cause, world.journal.call.ending?.blame],
      ['owner_closed', 'platform'],
    );
    assert.deepEqual(world.leg.log, ['dial +15550100', 'hangup', 'close']);
  });

  it("writes down the application's cookies with the verb, for the owner that comes after", async () => {
    const world = worldWith('<Pause length="5"/>');
    const cookie = { host: 'app.example', name: 'session', value: '1', secure: true, expiresAt: null };
    world.fetcher.kept.push(cookie);
    const done = answered(world);
    await world.until('the verb', () => world.seen('verb.started Pause'));
    assert.deepEqual(world.journal.call.checkpoint?.cookies, [cookie]);
    world.session.ownerClosed();
    await done;
  });

  it('another document is written down in the moment it is asked for, and the next owner begins with it', async () => {
    const world = worldWith('<Pause length="5"/>');
    world.fetcher.pages.set('https://app.example/new', () => assert.fail('the owner was lost before'));
    const done = answered(world);
    await world.until('the verb', () => world.seen('verb.started Pause'));
    const document = { kind: 'url', url: 'https://app.example/new', method: 'POST' } as const;
    world.session.deliver({ kind: 'replace', document });
    const { checkpoint } = world.journal.call;
    assert.deepEqual(checkpoint, { document, verb: -1, variables: {} });
    world.session.lost();
    await done;

    const second = worldWith('<Reject/>');
    second.fetcher.pages.set(document.url, {
      body: '<Response><Start><Stream url="wss://a.example/"/></Start></Response>',
    });
    const answeredAt = new Date(second.clock.now()).toISOString();
    const gone = second.session.run(callRecord({ status: 'in-progress', answeredAt, checkpoint }));
    await second.until('the leg', () => second.leg.log.length > 0);
    second.leg.farAnswers();
    await gone;
    assert.equal(second.streams.length, 1);
    assert.equal(second.journal.call.ending?.cause, 'document_ended');
  });

  it('what a document leads to is written down with the fields of its request', async () => {
    const world = worldWith('<Connect action="/next"><Stream url="wss://app.example/s" dialect="twilio"/></Connect>');
    const done = answered(world);
    await world.until('the stream', () => world.streams.length === 1);
    const { sid } = world.lastStream;
    world.fetcher.pages.set('https://app.example/next', { body: '<Response><Hangup/></Response>' });
    world.lastStream.end('connection closed');
    await done;
    const decided = world.journal.patches.flatMap(({ checkpoint }) => (checkpoint?.fields ? [checkpoint] : []));
    assert.deepEqual(
      decided.map(({ verb, fields }) => [verb, fields?.['StreamSid']]),
      [[-1, sid]],
    );

    const second = worldWith('<Reject/>');
    second.fetcher.pages.set('https://app.example/next', { body: '<Response><Hangup/></Response>' });
    const answeredAt = new Date(second.clock.now()).toISOString();
    const [checkpoint = null] = decided;
    const gone = second.session.run(callRecord({ status: 'in-progress', answeredAt, checkpoint }));
    await second.until('the leg', () => second.leg.log.length > 0);
    second.leg.farAnswers();
    await gone;
    assert.equal(second.fetcher.orders[0]?.fields['StreamSid'], sid);
  });

  /** What a dead owner leaves behind in `<Pause>`, and the world of the next one. */
  async function takenOver(start: string, from: number) {
    const first = worldWith(`${start}<Pause length="5"/><Hangup/>`);
    const plan = { statusCallback: 'https://app.example/status', statusCallbackEvents: ['completed'] } as const;
    const record = callRecord({ plan });
    const gone = first.session.run(record);
    first.leg.farRings();
    first.leg.farAnswers();
    await first.until('the verb', () => first.seen('verb.started Pause'));
    first.session.lost();
    await gone;

    const second = worldWith(`${start}<Pause length="5"/><Hangup/>`);
    const left = first.lastStream.record;
    second.journal.records.set(left.sid, { ...left, status: 'in-progress', startedAt: '2026-11-23T10:00:01.000Z' });
    const { document } = record.plan;
    const done = second.session.run({
      ...record,
      status: 'in-progress',
      answeredAt: new Date(second.clock.now()).toISOString(),
      checkpoint: { document, verb: from, variables: {} },
    });
    await second.until('the leg', () => second.leg.log.length > 0);
    return { second, left, done };
  }
  /** Streams by their event, the call by its status. */
  const toldOf = (world: World): (string | undefined)[] =>
    world.journal.callbacks.map(({ fields }) => fields['StreamEvent'] ?? fields['CallStatus']);
  const started = '<Start><Stream url="wss://app.example/s" statusCallback="https://app.example/stream"/></Start>';

  it('AC-85: a call of a dead owner goes on where it was, with its streams, and nothing is told twice', async () => {
    for (const from of [0, 1]) {
      const { second, left, done } = await takenOver(started, from);
      assert.deepEqual(second.leg.log, ['take over']);
      assert.deepEqual(second.journal.types('verb.'), []);
      second.leg.farAnswers();
      await second.until('the verb', () => second.seen('verb.started Pause'));
      assert.deepEqual(second.journal.types('verb.'), ['verb.started Pause']);
      assert.deepEqual([second.streams.length, second.lastStream.sid], [1, left.sid]);
      assert.equal(second.lastStream.order.resumed, true);
      assert.deepEqual(second.journal.callbacks, []);
      second.clock.advance(5000);
      await done;
      assert.deepEqual([second.journal.call.status, second.journal.call.ending?.cause], ['completed', 'hangup_verb']);
      assert.deepEqual(toldOf(second), ['stream-stopped', 'completed']);
    }
  });

  it('AC-85: is ended when its far end does not follow, and its streams are told stopped once', async () => {
    const { second, done } = await takenOver(started, 1);
    second.leg.farRefuses(488, 'The media could not be moved');
    await done;
    assert.deepEqual(second.leg.log, ['take over', 'close']);
    assert.equal(second.streams.length, 0);
    assert.deepEqual([second.journal.call.status, second.journal.call.ending?.cause], ['completed', 'owner_lost']);
    assert.deepEqual(toldOf(second), ['stream-stopped', 'completed']);
    assert.equal(second.journal.streamPatches[0]?.patch.status, 'stopped');
  });

  it('AC-85: is ended once when its far end says nothing, whatever comes afterwards', async () => {
    const { second, done } = await takenOver(started, 1);
    second.clock.advance(10_000);
    second.leg.farAnswers();
    second.leg.farHangsUp();
    await done;
    assert.deepEqual(second.leg.log, ['take over', 'hangup', 'close']);
    assert.equal(second.streams.length, 0);
    assert.deepEqual(
      second.journal.entries.flatMap((entry) => (entry.type === 'call.ended' ? [entry.ending.cause] : [])),
      ['owner_lost'],
    );
    assert.deepEqual(toldOf(second), ['stream-stopped', 'completed']);
  });

  it('says of each stream where its time stamp 0 was: at the answer, when the document opened it soon after', async () => {
    const answeredAt = '2026-11-23T10:00:05.000Z';
    const cases = [
      ['document', '2026-11-23T10:00:06.980Z', answeredAt],
      ['document', '2026-11-23T10:00:07.000Z', '2026-11-23T10:00:07.000Z'],
      ['document', '2026-11-23T10:00:04.000Z', '2026-11-23T10:00:04.000Z'],
      ['api', '2026-11-23T10:00:06.000Z', '2026-11-23T10:00:06.000Z'],
    ] as const;
    const { left } = await takenOver(started, 1);
    for (const [origin, createdAt, beganAt] of cases) {
      const world = worldWith('<Pause length="5"/>');
      world.journal.records.set(left.sid, { ...left, origin, createdAt, status: 'in-progress', startedAt: createdAt });
      const done = world.session.run(callRecord({ status: 'in-progress', answeredAt }));
      await world.until('the leg', () => world.leg.log.length > 0);
      world.leg.farAnswers();
      assert.equal(world.lastStream.order.beganAt, beganAt);
      world.session.deliver({ kind: 'end', status: 'completed' });
      await done;
    }
  });

  it('goes on with what the API asked meanwhile', async () => {
    const { second, left, done } = await takenOver(started, 1);
    const stream = left.sid;
    second.session.deliver({ kind: 'stream-update', stream, paused: true });
    second.session.deliver({ kind: 'stream-update', stream, track: 'outbound' });
    second.session.deliver({ kind: 'stream-update', stream, paused: false });
    second.session.deliver({ kind: 'stream-start', stream });
    assert.equal(second.streams.length, 0);
    second.leg.farAnswers();
    await second.until('the verb', () => second.seen('verb.started Pause'));
    assert.equal(second.streams.length, 1);
    assert.deepEqual(second.lastStream.log, ['update {"paused":false,"track":"outbound"}']);
    second.session.deliver({ kind: 'end', status: 'completed' });
    await done;
    assert.deepEqual(toldOf(second), ['stream-stopped', 'completed']);
  });

  it('does not open a stream that was stopped meanwhile, and runs the document that was put in its place', async () => {
    const { second, left, done } = await takenOver(started, 1);
    second.session.deliver({ kind: 'stream-stop', stream: left.sid });
    second.session.deliver({ kind: 'replace', document: { kind: 'inline', twiml: '<Response><Hangup/></Response>' } });
    second.leg.farAnswers();
    await done;
    assert.deepEqual([second.streams.length, second.journal.types('verb.started')], [0, ['verb.started Hangup']]);
    assert.deepEqual(toldOf(second), ['stream-stopped', 'completed']);
    assert.equal(second.journal.streamPatches[0]?.patch.reason, 'api');
  });

  it('writes off the streams of the owner before when it has to end before it knows them', async () => {
    const second = worldWith('<Hangup/>');
    const first = worldWith(`${started}<Pause length="5"/>`);
    const gone = answered(first);
    await first.until('the verb', () => first.seen('verb.started Pause'));
    first.session.lost();
    await gone;
    const left = first.lastStream.record;
    second.journal.records.set(left.sid, { ...left, status: 'in-progress' });
    const answeredAt = new Date(second.clock.now()).toISOString();
    const done = second.session.run(callRecord({ status: 'in-progress', answeredAt }));
    second.session.ownerClosed();
    await done;
    assert.deepEqual(second.leg.log, ['hangup', 'close']);
    assert.deepEqual(second.journal.types('stream.'), ['stream.stopped']);
    assert.equal(second.journal.call.ending?.cause, 'owner_closed');
  });

  it('counts callbacks on, and repeats none an owner before has told', async () => {
    const plan = {
      statusCallback: 'https://app.example/status',
      statusCallbackEvents: ['initiated', 'ringing', 'answered', 'completed'],
    } as const;
    const world = worldWith('<Hangup/>');
    const ringingAt = '2026-11-23T10:00:00.000Z';
    const ran = world.session.run(callRecord({ ...inbound, status: 'ringing', ringingAt, plan }));
    await found(world, 'invited');
    await ran;
    const dialling = new World(parser);
    const rang = dialling.session.run(callRecord({ gateway: 'g' as GatewayId, plan }));
    await found(dialling, 'calling');
    dialling.leg.farRefuses(486, 'Busy Here');
    await rang;
    const told = [world, dialling].map(({ journal }) =>
      journal.callbacks.map(({ fields }) => [fields['CallStatus'], fields['SequenceNumber']]),
    );
    assert.deepEqual(told, [
      [
        ['in-progress', '2'],
        ['completed', '3'],
      ],
      [['busy', '1']],
    ]);
  });

  /** The gateway says how far the call is that an owner before had begun. */
  async function found(world: World, stage: FoundStage): Promise<void> {
    await world.until('the question', () => world.leg.log.includes('find'));
    world.leg.isFound(stage);
  }

  it('an inbound call nobody answered is run again', async () => {
    const world = worldWith('<Hangup/>');
    const done = world.session.run(callRecord({ ...inbound, status: 'ringing' }));
    await found(world, 'invited');
    await done;
    assert.deepEqual(world.leg.log, ['find', 'ring', 'answer', 'hangup', 'close']);
  });

  it('one whose caller is gone is over', async () => {
    const world = worldWith('<Hangup/>');
    const done = world.session.run(callRecord({ ...inbound, status: 'ringing' }));
    await found(world, 'none');
    await done;
    assert.deepEqual(world.leg.log, ['find', 'hangup', 'close']);
    assert.equal(world.journal.call.ending?.cause, 'dialog_lost');
  });

  it('a call of ours that still rings is waited for, answered and then moved', async () => {
    const world = worldWith('<Hangup/>');
    const done = world.session.run(callRecord({ gateway: 'g' as GatewayId }));
    await found(world, 'calling');
    world.leg.farRings();
    world.leg.farAnswers();
    await done;
    assert.deepEqual(world.leg.log, ['find', 'join', 'hangup', 'close']);
    assert.deepEqual([world.journal.call.status, world.journal.call.ending?.cause], ['completed', 'hangup_verb']);
    assert.deepEqual(
      world.journal.entries.flatMap((entry) => (entry.type === 'call.status' ? [entry.status] : [])),
      ['ringing', 'in-progress'],
    );
  });

  it('one whose owner died before it could dial is dialled', async () => {
    const world = worldWith('<Hangup/>');
    const done = world.session.run(callRecord({ gateway: 'g' as GatewayId }));
    await found(world, 'none');
    world.leg.farAnswers();
    await done;
    assert.deepEqual(world.leg.log, ['find', 'dial +15550100', 'hangup', 'close']);
  });

  it('one that was answered before its owner could say so is moved here and told as answered', async () => {
    const world = worldWith('<Hangup/>');
    const plan = { statusCallback: 'https://app.example/status', statusCallbackEvents: ['answered'] } as const;
    const done = world.session.run(callRecord({ status: 'ringing', gateway: 'g' as GatewayId, plan }));
    await found(world, 'up');
    assert.deepEqual(world.leg.log, ['find', 'take over']);
    world.leg.farAnswers();
    await done;
    assert.deepEqual(toldOf(world), ['in-progress']);
    assert.equal(world.journal.call.ending?.cause, 'hangup_verb');
  });

  it('is ended when the gateway does not say how far it is', async () => {
    const world = worldWith('<Hangup/>');
    const done = world.session.run(callRecord({ status: 'ringing', gateway: 'g' as GatewayId }));
    await world.until('the question', () => world.leg.log.includes('find'));
    world.clock.advance(10_000);
    await done;
    assert.equal(world.journal.call.ending?.cause, 'owner_lost');
  });

  const agent = '<Connect><Stream url="wss://app.example/agent"/></Connect>';

  it('a two-way stream goes on as what it was, in the verb that was cut', async () => {
    const { second, left, done } = await cutInConnect(`${agent}`);
    second.leg.farAnswers();
    await second.until('the stream', () => second.streams.length > 0);
    assert.deepEqual([second.lastStream.sid, second.lastStream.order.resumed], [left.sid, true]);
    assert.equal(second.journal.types('stream.stopped').length, 0);
    second.session.deliver({ kind: 'end', status: 'completed' });
    await done;
    assert.deepEqual(toldOf(second), []);
  });

  it('one whose verb is no longer there is written off', async () => {
    const { second, done } = await cutInConnect('<Pause length="5"/>');
    second.leg.farAnswers();
    await second.until('the verb', () => second.seen('verb.started Pause'));
    assert.equal(second.streams.length, 0);
    assert.equal(second.journal.types('stream.stopped').length, 1);
    second.session.deliver({ kind: 'end', status: 'completed' });
    await done;
  });

  /** An owner died in `<Connect>`; the next one finds this document. */
  async function cutInConnect(document: string) {
    const first = worldWith(`${agent}<Hangup/>`);
    const gone = answered(first);
    await first.until('the stream', () => first.streams.length > 0);
    first.session.lost();
    await gone;
    const left = first.lastStream.record;
    const second = worldWith(`${document}<Hangup/>`);
    second.journal.records.set(left.sid, { ...left, status: 'in-progress', startedAt: '2026-11-23T10:00:01.000Z' });
    const record = callRecord({ status: 'in-progress', answeredAt: new Date(second.clock.now()).toISOString() });
    const done = second.session.run({
      ...record,
      checkpoint: { document: record.plan.document, verb: 0, variables: {} },
    });
    await second.until('the leg', () => second.leg.log.length > 0);
    return { second, left, done };
  }
});

describe('a leg that cannot be made', () => {
  function broken(): World {
    const makeLeg = (): never => {
      throw new Error('no sockets');
    };
    return new World(parser, { makeLeg });
  }

  it('refuses the INVITE, so that the caller is not left ringing', async () => {
    const world = broken();
    await world.session.run(callRecord(inbound));
    assert.deepEqual(world.toGateway, [
      { kind: 'reject', leg: FIRST_LEG, sipCode: 503, reason: 'Service Unavailable' },
    ]);
    assert.deepEqual([world.journal.call.status, world.journal.call.ending?.cause], ['failed', 'internal_error']);
  });

  it('hangs up on a call that is up', async () => {
    const world = broken();
    await world.session.run(callRecord({ status: 'in-progress', answeredAt: '2026-11-23T10:00:00.000Z' }));
    assert.deepEqual(world.toGateway, [{ kind: 'hangup', leg: FIRST_LEG }]);
    assert.deepEqual([world.journal.call.status, world.journal.call.ending?.cause], ['completed', 'internal_error']);
  });
});

describe('a bug in a call', () => {
  it('of work nobody waits for ends it', async () => {
    const world = worldWith('<Pause length="60"/>');
    const done = answered(world);
    world.leg.press = async () => {
      throw new Error('a bug behind a promise');
    };
    world.journal.entry = (entry) => {
      if (entry.type === 'dtmf.sent') throw new Error('a bug before its first wait');
      world.journal.entries.push(entry);
    };
    world.session.deliver({ kind: 'press', digits: '1' });
    await done;
    assert.deepEqual(world.leg.log.slice(-2), ['hangup', 'close']);
    assert.equal(world.journal.call.ending?.cause, 'internal_error');
    assert.equal(world.clock.pending, 0);
  });

  it('that keeps it from ending in order leaves the end to the pool, and silence', async () => {
    const world = worldWith('<Pause length="60"/>');
    const done = answered(world);
    world.leg.hangup = () => {
      throw new Error('it cannot even hang up');
    };
    world.session.broke(new Error('a bug'));
    await done;
    assert.equal(world.leg.log.at(-1), 'close');
    assert.equal(world.journal.call.status, 'in-progress');
  });

  it('met while it ends does not keep it from being over', async () => {
    const world = worldWith('<Start><Stream url="wss://app.example/ear"/></Start><Pause length="60"/>');
    const done = answered(world);
    await world.until('the stream', () => world.streams.length === 1);
    world.lastStream.stop = () => {
      throw new Error('a stream that cannot say goodbye');
    };
    world.session.deliver({ kind: 'end', status: 'completed' });
    await done;
    assert.equal(world.leg.log.at(-1), 'close');
  });
});
