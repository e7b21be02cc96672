/** Calls of ours: dialled over trunks, told to their owner, ended from either side. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CallSid } from '../../../shared/kernel/ids.ts';
import { GatewayFixture } from '../../support/gateway-fixture.ts';
import { settle } from '../../support/gateway-world.ts';
import type { ScriptedCall } from '../../support/scripted-sip.ts';

function dialled(fixture: GatewayFixture, index = 0): ScriptedCall {
  const call = fixture.sip.dialled[index];
  assert.ok(call, `INVITE number ${index + 1} was not sent`);
  return call;
}

describe('dialling', () => {
  it('sends the INVITE over the trunk of the longest prefix, with its credentials', async () => {
    const fixture = await new GatewayFixture().start();
    await fixture.outbound('+15550100009');
    const { order } = dialled(fixture);
    assert.equal(order?.uri, 'sip:+15550100009@first.example');
    assert.deepEqual(order?.from, { uri: 'sip:+15550100002@127.0.0.1:5060', displayName: 'Pivot' });
    assert.deepEqual(order?.credentials, { username: 'ann', password: 'secret' });
    assert.deepEqual(order?.headers, { 'X-Order': '7' });
    assert.equal(order?.sdp, 'v=0 ours');
  });

  it('takes a named trunk, and a SIP address without one goes to its own host', async () => {
    const fixture = await new GatewayFixture().start();
    await fixture.outbound('+15550100009', 'second');
    assert.equal(dialled(fixture).order?.uri, 'sip:+15550100009@second.example:5070');
    assert.equal(dialled(fixture).order?.transport, 'tcp');
    await fixture.outbound('sip:bob@b.example;transport=tcp');
    assert.equal(dialled(fixture, 1).order?.uri, 'sip:bob@b.example;transport=tcp');
    assert.equal(dialled(fixture, 1).order?.credentials, null);
  });

  it('fails with 503 when there is no such trunk', async () => {
    const fixture = await new GatewayFixture().start();
    const sid = await fixture.outbound('+15550100009', 'nobody');
    const [letter] = fixture.world.letters(sid);
    assert.equal(letter?.kind, 'failed');
    assert.ok(letter?.kind === 'failed' && letter.sipCode === 503);
  });

  it('tells progress, answer, digits and end in their order', async () => {
    const fixture = await new GatewayFixture().start();
    const sid = await fixture.outbound();
    const { delegate } = dialled(fixture);
    delegate.onProgress(180, 'Ringing', null);
    delegate.onProgress(183, 'Session Progress', 'v=0 early');
    delegate.onAnswered('v=0 theirs');
    delegate.onInfo('application/dtmf-relay', 'Signal=5\r\nDuration=200');
    delegate.onEnded('bye', null);
    await settle();
    assert.deepEqual(fixture.world.letters(sid), [
      { kind: 'ringing', leg: 'a', sipCode: 180, sdp: null },
      { kind: 'ringing', leg: 'a', sipCode: 183, sdp: 'v=0 early' },
      { kind: 'answered', leg: 'a', sdp: 'v=0 theirs' },
      { kind: 'digit', leg: 'a', digit: '5', durationMs: 200 },
      { kind: 'ended', leg: 'a', by: 'bye', sipCode: null },
    ]);
  });

  it('takes the early media for the answer when the 200 has no SDP, and hangs up without any', async () => {
    const fixture = await new GatewayFixture().start();
    const early = await fixture.outbound();
    dialled(fixture).delegate.onProgress(183, 'Session Progress', 'v=0 early');
    dialled(fixture).delegate.onAnswered(null);
    const none = await fixture.outbound();
    dialled(fixture, 1).delegate.onAnswered(null);
    await settle();
    assert.deepEqual(fixture.world.letters(early).at(-1), { kind: 'answered', leg: 'a', sdp: 'v=0 early' });
    assert.equal(fixture.world.letters(none).at(-1)?.kind, 'failed');
    assert.deepEqual(dialled(fixture, 1).asked, ['hangup']);
  });

  it('hangs up a call that is answered after it was cancelled', async () => {
    const fixture = await new GatewayFixture().start();
    const sid = await fixture.outbound();
    await fixture.say(sid, { kind: 'hangup', leg: 'a' });
    dialled(fixture).state = 'up';
    dialled(fixture).delegate.onAnswered('v=0 too late');
    await settle();
    assert.deepEqual(dialled(fixture).asked, ['hangup', 'hangup']);
    assert.deepEqual(fixture.world.letters(sid), []);
  });

  it('does not dial twice when the letter is read twice', async () => {
    const fixture = await new GatewayFixture().start();
    const sid = await fixture.outbound();
    const { box } = fixture.world.held(sid);
    assert.deepEqual(box, []);
    await fixture.say(sid, {
      kind: 'dial',
      leg: 'a',
      to: '+15550100009',
      from: 'x',
      trunk: null,
      headers: {},
      sdp: '',
    });
    assert.equal(fixture.sip.dialled.length, 1);
  });
});

describe('failover', () => {
  it('tries the next trunk when the first is out of order', async () => {
    const fixture = await new GatewayFixture().start();
    const sid = await fixture.outbound();
    await fixture.pass(5000);
    dialled(fixture).delegate.onFailed(503, 'Service Unavailable');
    dialled(fixture).delegate.onData(null);
    await fixture.pass(1000);
    assert.equal(fixture.world.dialogs.size, 1);
    const { order, delegate } = dialled(fixture, 1);
    assert.equal(order?.uri, 'sip:+15550100009@second.example:5070');
    assert.equal(order?.ringTimeoutMs, 55_000);
    assert.ok(fixture.world.entryTypes(sid).includes('sip.failover'));
    delegate.onFailed(503, 'Service Unavailable');
    await settle();
    assert.deepEqual(fixture.world.letters(sid), [
      { kind: 'failed', leg: 'a', sipCode: 503, reason: 'Service Unavailable' },
    ]);
  });

  it('does not try another trunk when the phone was busy, or had rung', async () => {
    const fixture = await new GatewayFixture().start();
    await fixture.outbound();
    dialled(fixture).delegate.onFailed(486, 'Busy Here');
    await fixture.outbound();
    dialled(fixture, 1).delegate.onProgress(180, 'Ringing', null);
    dialled(fixture, 1).delegate.onFailed(408, 'Request Timeout');
    assert.equal(fixture.sip.dialled.length, 2);
    assert.equal(fixture.gateway.figures().failedOutbound, 2);
  });
});

/** The number of the offer that the owner was asked about last. */
function numberOf(fixture: GatewayFixture, sid: CallSid): number {
  const asked = fixture.world.letters(sid).findLast(({ kind }) => kind === 'reoffered');
  assert.ok(asked?.kind === 'reoffered' && asked.offer !== undefined);
  return asked.offer;
}

describe('re-offers', () => {
  it('go to the owner and its answer goes back', async () => {
    const fixture = await new GatewayFixture().start();
    const { sid, phone } = await fixture.inbound();
    await fixture.say(sid, { kind: 'answer', leg: 'a', sdp: 'v=0 answer' });
    phone.delegate.onReoffer('v=0 hold');
    await settle();
    const offer = numberOf(fixture, sid);
    assert.deepEqual(fixture.world.letters(sid).at(-1), { kind: 'reoffered', leg: 'a', sdp: 'v=0 hold', offer });
    await fixture.say(sid, { kind: 'answer-reoffer', leg: 'a', sdp: 'v=0 held', offer });
    assert.equal(phone.asked.at(-1), 'answer-reoffer v=0 held');
  });

  it('are refused when the owner is silent, which is told so, and a late answer is dropped', async () => {
    const fixture = await new GatewayFixture().start();
    const { sid, phone } = await fixture.up();
    phone.delegate.onReoffer('v=0 hold');
    await fixture.pass(10_000);
    assert.equal(phone.asked.at(-1), 'refuse-reoffer 500');
    const offer = numberOf(fixture, sid);
    assert.deepEqual(fixture.world.letters(sid), [
      { kind: 'reoffered', leg: 'a', sdp: 'v=0 hold', offer },
      { kind: 'reoffer-over', leg: 'a', offer },
    ]);
    await fixture.say(sid, { kind: 'answer-reoffer', leg: 'a', sdp: 'v=0 held', offer });
    assert.equal(phone.asked.at(-1), 'refuse-reoffer 500');
  });

  it('that are cancelled are over for the owner as well', async () => {
    const fixture = await new GatewayFixture().start();
    const { sid, phone } = await fixture.up();
    phone.delegate.onReoffer('v=0 hold');
    await settle();
    phone.delegate.onReofferOver();
    await settle();
    const offer = numberOf(fixture, sid);
    assert.deepEqual(fixture.world.letters(sid).at(-1), { kind: 'reoffer-over', leg: 'a', offer });
    await fixture.say(sid, { kind: 'answer-reoffer', leg: 'a', sdp: 'v=0 held', offer });
    await fixture.pass(10_000);
    assert.deepEqual(phone.asked, ['answer v=0 answer']);
  });

  it('that were refused before they were posted never are', async () => {
    const fixture = await new GatewayFixture().start();
    const { sid, phone } = await fixture.up();
    fixture.world.away = true;
    phone.delegate.onInfo('application/dtmf', '5');
    phone.delegate.onReoffer('v=0 hold');
    await fixture.pass(10_000);
    assert.equal(phone.asked.at(-1), 'refuse-reoffer 500');
    fixture.world.away = false;
    await fixture.pass(3000);
    assert.deepEqual(
      fixture.world.letters(sid).map(({ kind }) => kind),
      ['digit'],
    );
    assert.equal(fixture.gateway.figures().waitingToWrite, 0);
  });

  for (const [what, away, kinds] of [
    ['done', 'unheard', ['reoffered', 'reoffer-over']],
    ['not done', 'away', ['reoffer-over']],
  ] as const) {
    it(`that were refused while nobody knew that their posting was ${what} are over`, async () => {
      const fixture = await new GatewayFixture().start();
      const { sid, phone } = await fixture.up();
      fixture.world[away] = true;
      phone.delegate.onReoffer('v=0 hold');
      await fixture.pass(10_000);
      fixture.world[away] = false;
      await fixture.pass(3000);
      assert.deepEqual(
        fixture.world.letters(sid).map(({ kind }) => kind),
        kinds,
      );
      assert.equal(fixture.gateway.figures().waitingToWrite, 0);
    });
  }

  it('have their own answer, not the one to an offer before', async () => {
    const fixture = await new GatewayFixture().start();
    const { sid, phone } = await fixture.up();
    phone.delegate.onReoffer('v=0 hold');
    await settle();
    const first = numberOf(fixture, sid);
    phone.delegate.onReofferOver();
    phone.delegate.onReoffer('v=0 resume');
    await settle();
    await fixture.say(sid, { kind: 'answer-reoffer', leg: 'a', sdp: 'v=0 held', offer: first });
    assert.deepEqual(phone.asked, ['answer v=0 answer']);
    await fixture.say(sid, { kind: 'answer-reoffer', leg: 'a', sdp: 'v=0 resumed', offer: numberOf(fixture, sid) });
    assert.equal(phone.asked.at(-1), 'answer-reoffer v=0 resumed');
  });

  it('are answered by an owner of the version before, which knows no numbers', async () => {
    const fixture = await new GatewayFixture().start();
    const { sid, phone } = await fixture.up();
    phone.delegate.onReoffer('v=0 hold');
    await settle();
    await fixture.say(sid, { kind: 'answer-reoffer', leg: 'a', sdp: 'v=0 held' });
    assert.equal(phone.asked.at(-1), 'answer-reoffer v=0 held');
  });

  it('of ours are sent and their answers told', async () => {
    const fixture = await new GatewayFixture().start();
    const { sid, phone } = await fixture.inbound();
    await fixture.say(sid, { kind: 'answer', leg: 'a', sdp: 'v=0 answer' });
    await fixture.say(sid, { kind: 'reoffer', leg: 'a', sdp: 'v=0 moved' });
    assert.equal(phone.asked.at(-1), 'reoffer v=0 moved');
    phone.delegate.onReanswered('v=0 fine');
    phone.delegate.onReofferFailed(488, 'Not Acceptable Here');
    await settle();
    assert.deepEqual(fixture.world.letters(sid).slice(-2), [
      { kind: 'reanswered', leg: 'a', sdp: 'v=0 fine' },
      { kind: 'reoffer-failed', leg: 'a', sipCode: 488 },
    ]);
  });

  it('of an owner that died are not taken for its successor’s', async () => {
    const fixture = await new GatewayFixture().start();
    const { sid, phone } = await fixture.up();
    await fixture.say(sid, { kind: 'reoffer', leg: 'a', sdp: 'v=0 second owner', offer: 2 });
    await fixture.say(sid, { kind: 'reoffer', leg: 'a', sdp: 'v=0 third owner', offer: 3 });
    assert.deepEqual(phone.asked.slice(1), ['reoffer v=0 second owner']);
    phone.delegate.onReofferFailed(488, 'Not Acceptable Here');
    assert.equal(phone.asked.at(-1), 'reoffer v=0 third owner');
    phone.delegate.onReanswered('v=0 fine');
    await settle();
    assert.deepEqual(fixture.world.letters(sid), [
      { kind: 'reoffer-failed', leg: 'a', sipCode: 488, offer: 2 },
      { kind: 'reanswered', leg: 'a', sdp: 'v=0 fine', offer: 3 },
    ]);
  });
});

describe('an owner that did not set its legs up', () => {
  const stageOf = async (fixture: GatewayFixture, sid: CallSid): Promise<string | undefined> => {
    await fixture.say(sid, { kind: 'find', leg: 'a' });
    const last = fixture.world.letters(sid).at(-1);
    return last?.kind === 'found' ? last.stage : undefined;
  };

  it('is told how far a call of ours is', async () => {
    const fixture = await new GatewayFixture().start();
    const sid = await fixture.outbound();
    const { delegate } = dialled(fixture);
    assert.equal(await stageOf(fixture, sid), 'calling');
    delegate.onProgress(180, 'Ringing', null);
    assert.equal(await stageOf(fixture, sid), 'ringing');
    delegate.onAnswered('v=0 theirs');
    assert.equal(await stageOf(fixture, sid), 'up');
    delegate.onEnded('bye', null);
    assert.equal(await stageOf(fixture, sid), 'none');
  });

  it('is told of a caller who waits, and of a leg that nobody set up', async () => {
    const fixture = await new GatewayFixture().start();
    const { sid } = await fixture.inbound();
    assert.equal(await stageOf(fixture, sid), 'invited');
    await fixture.say(sid, { kind: 'find', leg: 'b' });
    assert.deepEqual(fixture.world.letters(sid).at(-1), { kind: 'found', leg: 'b', stage: 'none' });
  });

  it('learns at once that a leg it wants to move is gone', async () => {
    const fixture = await new GatewayFixture().start();
    const sid = await fixture.outbound();
    const { delegate } = dialled(fixture);
    delegate.onAnswered('v=0 theirs');
    await fixture.say(sid, { kind: 'hangup', leg: 'a' });
    await fixture.say(sid, { kind: 'reoffer', leg: 'a', sdp: 'v=0 moved' });
    assert.deepEqual(fixture.world.letters(sid).at(-1), { kind: 'ended', leg: 'a', by: 'lost', sipCode: 481 });
  });
});
