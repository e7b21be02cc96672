/** From an INVITE to a queued call, and every way it can be refused. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { OwnerId } from '../../../shared/kernel/ids.ts';
import type { Span } from '../../../shared/tracing/tracer.ts';
import { GatewayFixture, OWNER, QUEUE_TIMEOUT_MS } from '../../support/gateway-fixture.ts';
import { GatewayWorld, settle } from '../../support/gateway-world.ts';

describe('an INVITE to a number of ours', () => {
  it('becomes a record and a job, with the offer and the gateway in it', async () => {
    const fixture = await new GatewayFixture().start();
    const { sid } = await fixture.inbound();
    const { record } = fixture.world.held(sid);
    assert.equal(record.direction, 'inbound');
    assert.equal(record.status, 'queued');
    assert.equal(record.from, '+15550100002');
    assert.equal(record.to, '+15550100001');
    assert.equal(record.offer, 'v=0 offer');
    assert.equal(record.gateway, 'gw-127.0.0.1-5060');
    assert.deepEqual(record.plan.document, { kind: 'inline', twiml: '<Response/>' });
    assert.deepEqual(fixture.world.jobs, [sid]);
    await fixture.pass(1000);
    assert.deepEqual(fixture.world.entryTypes(sid), ['sip.invite']);
  });

  it('begins a trace, which its record carries on, and times what was waited for', async () => {
    const told: string[] = [];
    const span: Span = {
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      rename: () => {},
      set: () => {},
      event: () => {},
      end: (failure) => told.push(`end ${failure ?? 'well'}`),
    };
    const fixture = await new GatewayFixture(new GatewayWorld(), {
      tracer: {
        start: (name, kind, parent) => {
          told.push(`${name} ${kind} ${parent}`);
          return span;
        },
        close: async () => {},
      },
      counted: { onTime: (name, ms) => told.push(`${name} ${ms}`), onUnclaimedEnd: () => told.push('unclaimed') },
    }).start();
    const { sid } = await fixture.inbound();
    assert.equal(fixture.world.held(sid).record.plan.traceparent, span.traceparent);
    await fixture.pass(1500);
    await fixture.say(sid, { kind: 'answer', leg: 'a', sdp: 'v=0 answer' });
    assert.deepEqual(told, ['INVITE server null', 'end well', 'inviteToAnswerIn 1500']);
  });

  it('finds a number kept without +, and the default number', async () => {
    const fixture = await new GatewayFixture().start();
    fixture.world.addNumber('15550100001');
    await fixture.invite({ to: '+15550100001' });
    assert.equal(fixture.world.jobs.length, 1);
    fixture.world.addNumber('*');
    await fixture.invite({ to: '4930123456' });
    const [, other] = fixture.world.jobs;
    assert.ok(other);
    assert.equal(fixture.world.held(other).record.to, '+4930123456');
  });

  it('rings, answers and hangs up as its owner says, and acknowledges the box', async () => {
    const fixture = await new GatewayFixture().start();
    const { sid, phone } = await fixture.inbound();
    await fixture.say(sid, { kind: 'ring', leg: 'a', sdp: null });
    await fixture.say(sid, { kind: 'answer', leg: 'a', sdp: 'v=0 answer' });
    await fixture.say(sid, { kind: 'hangup', leg: 'a' });
    assert.deepEqual(phone.asked, ['ring 180', 'answer v=0 answer', 'hangup']);
    assert.deepEqual(fixture.world.held(sid).box, []);
    assert.equal(fixture.world.dialogs.size, 0);
  });

  it('is rejected as its owner says', async () => {
    const fixture = await new GatewayFixture().start();
    const { sid, phone } = await fixture.inbound();
    await fixture.say(sid, { kind: 'reject', leg: 'a', sipCode: 486, reason: 'Busy Here' });
    assert.deepEqual(phone.asked, ['reject 486 Busy Here']);
  });

  it('tells the owner of ACK and BYE and rings its bell', async () => {
    const fixture = await new GatewayFixture().start();
    const { sid, phone } = await fixture.inbound();
    await fixture.say(sid, { kind: 'answer', leg: 'a', sdp: 'v=0 answer' });
    phone.delegate.onAcked(null);
    phone.delegate.onEnded('bye', null);
    await settle();
    assert.deepEqual(fixture.world.letters(sid), [
      { kind: 'acked', leg: 'a', sdp: null },
      { kind: 'ended', leg: 'a', by: 'bye', sipCode: null },
    ]);
    assert.deepEqual(fixture.world.bells[0], { owner: OWNER, sid });
  });
});

describe('an INVITE that is refused', () => {
  it('403 when the source is a stranger', async () => {
    const fixture = await new GatewayFixture(undefined, { trunks: [] }).start();
    fixture.world.addNumber('*');
    const invitation = await fixture.invite({ address: '203.0.113.9' });
    assert.equal(invitation.refused?.code, 403);
    assert.equal(fixture.gateway.figures().refusedUnknownSource, 1);
  });

  it('403 and 401 in the turn it came in, so that the SIP stack need not remember a stranger', async () => {
    const open = await new GatewayFixture(undefined, { trunks: [] }).start();
    const refused = open.sip.invite(open.gateway, { address: '203.0.113.9' });
    assert.equal(refused.refused?.code, 403);
    const asking = await new GatewayFixture().start();
    const challenged = asking.sip.invite(asking.gateway, { address: '203.0.113.9' });
    assert.notEqual(challenged.challenged, null);
  });

  it('404 when the number is not ours', async () => {
    const fixture = await new GatewayFixture().start();
    const invitation = await fixture.invite({ to: '15559999999' });
    assert.equal(invitation.refused?.code, 404);
    assert.equal(fixture.world.calls.size, 0);
  });

  it('503 with Retry-After when Redis is away, also before anyone noticed', async () => {
    const fixture = await new GatewayFixture().start();
    fixture.world.addNumber('*');
    fixture.world.away = true;
    const first = await fixture.invite();
    assert.equal(first.refused?.code, 503);
    assert.equal(first.refused?.headers['Retry-After'], '5');
    await fixture.pass(2000);
    assert.equal(fixture.gateway.figures().storeAway, true);
    const second = await fixture.invite();
    assert.equal(second.refused?.code, 503);
    fixture.world.away = false;
    await fixture.pass(2000);
    const third = await fixture.invite();
    assert.equal(third.refused, null);
    assert.ok(third.call);
  });

  it('503 with Retry-After while every worker is as busy as it may be, and not longer', async () => {
    const fixture = await new GatewayFixture().start();
    const { world } = fixture;
    world.addNumber('*');
    const owner = { owner: OWNER, calls: 90, capacity: 400, draining: false, full: true, room: 0 };
    world.owners.push(owner, { ...owner, owner: 'host-2-1-x' as OwnerId, draining: true, full: false });
    await fixture.pass(1000);
    const refused = await fixture.invite();
    assert.deepEqual([refused.refused?.code, refused.refused?.headers['Retry-After']], [503, '5']);
    assert.equal(fixture.gateway.figures().refusedOverload, 1);
    world.owners.push({ ...owner, owner: 'host-3-1-x' as OwnerId, full: false, room: 3 });
    await fixture.pass(1000);
    assert.ok((await fixture.invite()).call);
  });

  it('503 while the whole system stops', async () => {
    const fixture = await new GatewayFixture().start();
    fixture.world.addNumber('*');
    fixture.world.owners = [{ owner: OWNER, calls: 0, capacity: 10, draining: true }];
    const { phone } = await fixture.inbound();
    const drained = fixture.gateway.drain(1000, async () => assert.fail('rings are answered to the end'));
    await fixture.pass(500);
    const invitation = await fixture.invite();
    assert.equal(invitation.refused?.code, 503);
    await fixture.pass(1000);
    await drained;
    assert.deepEqual([phone.asked, fixture.sip.closed], [[], false]);
    assert.equal(fixture.world.announced.size, 0);
  });

  it('a call while the gateway alone leaves: it goes to the next one, as soon as it is written down', async () => {
    const fixture = await new GatewayFixture().start();
    fixture.world.owners = [{ owner: OWNER, calls: 0, capacity: 10, draining: false }];
    const { phone } = await fixture.inbound();
    let deaf = false;
    const drained = fixture.gateway.drain(60_000, async () => {
      deaf = true;
    });
    const late = await fixture.invite();
    assert.equal(late.refused, null);
    await fixture.pass(1000);
    await drained;
    assert.deepEqual([deaf, fixture.sip.closed, phone.asked], [true, true, []]);
    assert.deepEqual([fixture.world.announced.size, fixture.world.dialogs.size], [1, 2]);
  });

  it('503 before the gateway has started', async () => {
    const fixture = new GatewayFixture();
    const invitation = await fixture.invite();
    assert.equal(invitation.refused?.code, 503);
  });

  it('513 when the offer is larger than any offer', async () => {
    const fixture = await new GatewayFixture().start();
    fixture.world.addNumber('*');
    const invitation = await fixture.invite({ sdp: 'v'.repeat(20_000) });
    assert.equal(invitation.refused?.code, 513);
  });

  it('ends a call that could be written but not queued', async () => {
    const fixture = await new GatewayFixture().start();
    fixture.world.addNumber('*');
    const add = fixture.world.queue.addCall;
    Object.assign(fixture.world.queue, { addCall: () => Promise.reject(new Error('no queue')) });
    const invitation = await fixture.invite();
    Object.assign(fixture.world.queue, { addCall: add });
    assert.deepEqual(invitation.call?.asked, ['reject 503 Service Unavailable']);
    const [held] = fixture.world.calls.values();
    assert.equal(held?.record.ending?.cause, 'redis_unavailable');
  });
});

describe('a caller nobody has spoken for yet', () => {
  it('is refused with 503 when no worker takes the call in time', async () => {
    const fixture = await new GatewayFixture().start();
    const { sid, phone } = await fixture.inbound(false);
    await fixture.pass(QUEUE_TIMEOUT_MS - 1000);
    assert.deepEqual(phone.asked, []);
    await fixture.pass(1000);
    assert.deepEqual(phone.asked, ['reject 503 Service Unavailable']);
    const { record } = fixture.world.held(sid);
    assert.equal(record.status, 'failed');
    assert.equal(record.ending?.cause, 'queue_timeout');
    assert.equal(record.ending?.blame, 'platform');
    assert.deepEqual(fixture.world.jobs, []);
    assert.equal(fixture.world.entryTypes(sid).at(-1), 'call.ended');
  });

  it('is waited for a while longer when a worker has the call but said nothing', async () => {
    const fixture = await new GatewayFixture().start();
    const { phone } = await fixture.inbound();
    await fixture.pass(QUEUE_TIMEOUT_MS + 59_000);
    assert.deepEqual(phone.asked, []);
    await fixture.pass(2000);
    assert.deepEqual(phone.asked, ['reject 503 Service Unavailable']);
  });

  it('is not timed out once its owner has said anything', async () => {
    const fixture = await new GatewayFixture().start();
    const { sid, phone } = await fixture.inbound();
    await fixture.say(sid, { kind: 'ring', leg: 'a', sdp: null });
    await fixture.pass(QUEUE_TIMEOUT_MS * 3);
    assert.deepEqual(phone.asked, ['ring 180']);
  });

  it('ends the call as canceled when the caller gives up', async () => {
    const fixture = await new GatewayFixture().start();
    const { sid, phone } = await fixture.inbound(false);
    phone.delegate.onEnded('cancel', 487);
    await settle();
    const { record, letters } = fixture.world.held(sid);
    assert.equal(record.status, 'canceled');
    assert.equal(record.ending?.cause, 'caller_canceled');
    assert.deepEqual(fixture.world.callbacks, []);
    assert.deepEqual(letters, []);
    assert.equal(fixture.gateway.figures().canceledUnclaimed, 1);
  });

  it('owes the number its callback when the caller gives up', async () => {
    const fixture = await new GatewayFixture().start();
    fixture.world.addNumber('*', { statusCallback: 'https://app.example/status' });
    const invitation = await fixture.invite();
    invitation.call?.delegate.onEnded('cancel', 487);
    await settle();
    const [callback] = fixture.world.callbacks;
    assert.equal(callback?.event, 'call.completed');
    assert.equal(callback?.url, 'https://app.example/status');
    assert.equal(callback?.fields['CallStatus'], 'canceled');
    assert.equal(callback?.fields['SequenceNumber'], '0');
    assert.equal(fixture.world.owed.length, 1);
  });

  it('leaves the job on the queue when the callback could not be handed on: whoever takes it does', async () => {
    const world = new GatewayWorld();
    const queue = { ...world.queue, addCallbacks: () => Promise.reject(new Error('away')) };
    const fixture = await new GatewayFixture(world, { queue }).start();
    world.addNumber('*', { statusCallback: 'https://app.example/status' });
    const invitation = await fixture.invite();
    invitation.call?.delegate.onEnded('cancel', 487);
    await settle();
    assert.equal(world.callbacks.length, 1);
    assert.equal(world.jobs.length, 1);
  });

  it('tells the owner instead when a worker was faster', async () => {
    const fixture = await new GatewayFixture().start();
    const { sid, phone } = await fixture.inbound();
    phone.delegate.onEnded('cancel', 487);
    await settle();
    assert.equal(fixture.world.held(sid).record.ending, null);
    assert.deepEqual(fixture.world.letters(sid), [{ kind: 'ended', leg: 'a', by: 'cancel', sipCode: 487 }]);
  });
});
