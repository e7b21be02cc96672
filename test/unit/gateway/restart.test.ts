/** A gateway that goes and comes back, and a Redis that does. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GatewayFixture, OWNER, QUEUE_TIMEOUT_MS } from '../../support/gateway-fixture.ts';
import { settle } from '../../support/gateway-world.ts';

describe('a gateway that starts again', () => {
  it('goes on with a call that was up, and reads what was written meanwhile', async () => {
    const before = await new GatewayFixture().start();
    const { sid } = await before.inbound();
    await before.say(sid, { kind: 'answer', leg: 'a', sdp: 'v=0 answer' });
    before.world.say(sid, { kind: 'hangup', leg: 'a' } as Parameters<typeof before.world.say>[1]);
    const after = await new GatewayFixture(before.world).start();
    await settle();
    const [restored] = after.sip.restored;
    assert.ok(restored);
    assert.deepEqual(restored.data, { dialog: 'in-0' });
    assert.deepEqual(restored.call.asked, ['hangup']);
    assert.equal(after.gateway.figures().dialogsRestored, 1);
  });

  it('tells the owner what the far end does after the restart', async () => {
    const before = await new GatewayFixture().start();
    const sid = await before.outbound();
    before.sip.dialled[0]?.delegate.onAnswered('v=0 theirs');
    await settle();
    const after = await new GatewayFixture(before.world).start();
    after.sip.restored[0]?.call.delegate.onEnded('bye', null);
    await settle();
    assert.deepEqual(after.world.letters(sid).at(-1), { kind: 'ended', leg: 'a', by: 'bye', sipCode: null });
    assert.equal(after.world.dialogs.size, 1, 'the dialog goes when the SIP stack says so');
  });

  it('goes on with calls that ring, either way, with the credentials of their trunk', async () => {
    const before = await new GatewayFixture().start();
    const inbound = await before.inbound();
    const outbound = await before.outbound();
    before.sip.dialled[0]?.delegate.onProgress(180, 'Ringing', null);
    await settle();
    const after = await new GatewayFixture(before.world).start();
    await settle();
    assert.deepEqual(
      after.sip.restored.map(({ credentials }) => credentials),
      [null, { username: 'ann', password: 'secret' }],
    );
    after.sip.restored[1]?.call.delegate.onAnswered('v=0 theirs');
    await after.say(inbound.sid, { kind: 'answer', leg: 'a', sdp: 'v=0 answer' });
    assert.deepEqual(after.world.letters(outbound).at(-1), { kind: 'answered', leg: 'a', sdp: 'v=0 theirs' });
    assert.deepEqual(after.sip.restored[0]?.call.asked, ['answer v=0 answer']);
    assert.deepEqual(after.world.letters(inbound.sid), []);
    assert.equal(after.gateway.figures().dialogsRestored, 2);
  });

  it('waits no longer for a caller nobody has taken than was left of the limit, and queues the call again', async () => {
    const before = await new GatewayFixture().start();
    const { sid } = await before.inbound(false);
    before.world.jobs.length = 0;
    const after = await new GatewayFixture(before.world).start();
    assert.deepEqual(after.world.jobs, [sid]);
    await after.pass(QUEUE_TIMEOUT_MS);
    assert.deepEqual(after.sip.restored[0]?.call.asked, ['reject 503 Service Unavailable']);
    assert.equal(after.world.held(sid).record.ending?.cause, 'queue_timeout');
  });

  it('refuses a caller whose call has ended meanwhile', async () => {
    const before = await new GatewayFixture().start();
    const { sid } = await before.inbound();
    const held = before.world.held(sid);
    held.record = { ...held.record, status: 'canceled' };
    const after = await new GatewayFixture(before.world).start();
    assert.deepEqual(after.sip.restored[0]?.call.asked, ['reject 503 Service Unavailable']);
  });

  it('fails a call of ours that it died with before anything was sent, cleanly', async () => {
    const before = await new GatewayFixture().start();
    const sid = await before.outbound();
    for (const dialog of before.world.dialogs.values())
      dialog.data = { version: 1, way: 'out', stage: 'calling', data: null };
    const after = await new GatewayFixture(before.world).start();
    await settle();
    assert.deepEqual(after.world.letters(sid), [
      { kind: 'failed', leg: 'a', sipCode: 503, reason: 'The gateway was restarted' },
    ]);
    assert.equal(after.world.dialogs.size, 0);
    assert.equal(after.gateway.figures().dialogsFailedAtRestore, 1);
  });

  it('drops what it cannot read', async () => {
    const fixture = new GatewayFixture();
    const { sid } = await (await new GatewayFixture(fixture.world).start()).inbound();
    for (const dialog of fixture.world.dialogs.values()) dialog.data = { version: 99 };
    await fixture.start();
    await settle();
    assert.equal(fixture.world.dialogs.size, 0);
    assert.equal(fixture.gateway.figures().dialogsFailedAtRestore, 1);
    await fixture.say(sid, { kind: 'answer', leg: 'a', sdp: 'v=0 answer' });
    assert.deepEqual(fixture.world.letters(sid), [{ kind: 'ended', leg: 'a', by: 'lost', sipCode: 481 }]);
  });
});

describe('a gateway without Redis', () => {
  it('keeps letters in order until Redis is back', async () => {
    const fixture = await new GatewayFixture().start();
    const sid = await fixture.outbound();
    fixture.world.away = true;
    const delegate = fixture.sip.dialled[0]?.delegate;
    delegate?.onProgress(180, 'Ringing', null);
    delegate?.onAnswered('v=0 theirs');
    await fixture.pass(10_000);
    delegate?.onEnded('bye', null);
    await fixture.pass(5000);
    fixture.world.away = false;
    await fixture.pass(3000);
    assert.deepEqual(
      fixture.world.letters(sid).map(({ kind }) => kind),
      ['ringing', 'answered', 'ended'],
    );
    assert.equal(fixture.gateway.figures().waitingToWrite, 0);
  });

  it('posts a letter once when the answer to it was lost, and rings for it', async () => {
    const fixture = await new GatewayFixture().start();
    const sid = await fixture.outbound();
    const delegate = fixture.sip.dialled[0]?.delegate;
    delegate?.onAnswered('v=0 theirs');
    await settle();
    fixture.world.bells.length = 0;
    fixture.world.unheard = true;
    delegate?.onInfo('application/dtmf', '5');
    await settle();
    fixture.world.unheard = false;
    delegate?.onInfo('application/dtmf', '5');
    await fixture.pass(1000);
    assert.deepEqual(
      fixture.world.letters(sid).map(({ kind }) => kind),
      ['answered', 'digit', 'digit'],
    );
    assert.equal(fixture.world.bells.length, 2);
  });

  it('posts also for a call that it had forgotten', async () => {
    const fixture = await new GatewayFixture().start();
    const sid = await fixture.outbound();
    fixture.sip.dialled[0]?.delegate.onFailed(486, 'Busy Here');
    fixture.sip.dialled[0]?.delegate.onData(null);
    await fixture.pass(5000);
    assert.equal(fixture.gateway.figures().calls, 0);
    await fixture.say(sid, { kind: 'find', leg: 'a' });
    assert.deepEqual(fixture.world.letters(sid).at(-1), { kind: 'found', leg: 'a', stage: 'none' });
  });

  it('keeps a bounded number of letters, and never drops the end for a digit', async () => {
    const fixture = await new GatewayFixture().start();
    const sid = await fixture.outbound();
    fixture.world.away = true;
    const delegate = fixture.sip.dialled[0]?.delegate;
    delegate?.onAnswered('v=0 theirs');
    for (let press = 0; press < 500; press++) delegate?.onInfo('application/dtmf', '5');
    delegate?.onEnded('bye', null);
    await fixture.pass(1000);
    fixture.world.away = false;
    await fixture.pass(5000);
    const kinds = fixture.world.letters(sid).map(({ kind }) => kind);
    assert.equal(kinds[0], 'answered');
    assert.equal(kinds.at(-1), 'ended');
    assert.ok(kinds.length <= 129, `${kinds.length} letters were kept`);
    assert.ok(fixture.gateway.figures().lettersDropped > 300);
  });

  it('writes its dialogs again when Redis comes back empty, and keeps a letter until its call is known again', async () => {
    const fixture = await new GatewayFixture().start();
    const { sid, phone } = await fixture.inbound();
    await fixture.say(sid, { kind: 'answer', leg: 'a', sdp: 'v=0 answer' });
    const [kept] = [...fixture.world.dialogs.values()];
    const record = fixture.world.held(sid);
    fixture.world.dialogs.clear();
    fixture.world.announced.clear();
    fixture.world.calls.delete(sid);
    phone.delegate.onInfo('application/dtmf', '5');
    await fixture.pass(3000);
    assert.deepEqual([...fixture.world.dialogs.values()], [kept]);
    fixture.world.calls.set(sid, record);
    await fixture.pass(3000);
    assert.equal(fixture.world.letters(sid).at(-1)?.kind, 'digit');
    assert.deepEqual(phone.asked, ['answer v=0 answer']);
  });

  it('hangs up a call that stays unknown', async () => {
    const fixture = await new GatewayFixture().start();
    const { sid, phone } = await fixture.inbound();
    await fixture.say(sid, { kind: 'answer', leg: 'a', sdp: 'v=0 answer' });
    fixture.world.calls.delete(sid);
    phone.delegate.onInfo('application/dtmf', '5');
    await fixture.pass(15_000);
    assert.equal(phone.asked.at(-1), 'hangup');
  });

  it('reads boxes whose bell was lost when Redis comes back', async () => {
    const fixture = await new GatewayFixture().start();
    const { sid, phone } = await fixture.inbound();
    fixture.world.away = true;
    await fixture.pass(2000);
    fixture.world.say(sid, { kind: 'hangup', leg: 'a' } as Parameters<typeof fixture.world.say>[1]);
    fixture.world.away = false;
    await fixture.pass(3000);
    assert.deepEqual(phone.asked, ['hangup']);
  });

  it('keeps a call whose box could not be read, so that what it then dials is hung up when its owner says so', async () => {
    const fixture = await new GatewayFixture().start();
    await fixture.pass(1800);
    fixture.world.away = true;
    const sid = await fixture.outbound();
    fixture.clock.advance(300);
    fixture.world.away = false;
    await fixture.pass(500);
    assert.equal(fixture.sip.dialled.length, 1);
    await fixture.say(sid, { kind: 'hangup', leg: 'a' });
    assert.deepEqual(fixture.sip.dialled[0]?.asked, ['hangup']);
    assert.equal(fixture.sip.dialled.length, 1);
  });

  it('leaves a box that could not be read to the next process', async () => {
    const fixture = await new GatewayFixture().start();
    fixture.world.owners = [{ owner: OWNER, calls: 0, capacity: 10, draining: false }];
    const drained = fixture.gateway.drain(60_000, async () => {
      fixture.world.away = true;
      await fixture.outbound();
    });
    await fixture.pass(5000);
    await drained;
    assert.ok(fixture.sip.closed);
    fixture.world.away = false;
    await fixture.pass(5000);
    assert.equal(fixture.sip.dialled.length, 0);
  });
});

describe('calls that are over', () => {
  it('are hung up when the call ended and nobody said so', async () => {
    const fixture = await new GatewayFixture().start();
    const { sid, phone } = await fixture.inbound();
    await fixture.say(sid, { kind: 'answer', leg: 'a', sdp: 'v=0 answer' });
    const held = fixture.world.held(sid);
    held.record = { ...held.record, status: 'failed' };
    await fixture.pass(90_000);
    assert.equal(phone.asked.at(-1), 'hangup');
    assert.equal(fixture.gateway.figures().orphansHungUp, 1);
  });

  it('are looked for a few at a time, so that nobody with sound waits for it', async () => {
    const fixture = await new GatewayFixture().start();
    const looked = new Map<number, number>();
    const sids = new Set<string>();
    for (let call = 0; call < 90; call += 1) {
      const { sid } = await fixture.inbound();
      await fixture.say(sid, { kind: 'answer', leg: 'a', sdp: 'v=0 answer' });
    }
    await fixture.pass(31_000);
    fixture.world.onGet = (sid) => {
      const second = Math.floor(fixture.clock.now() / 1000);
      looked.set(second, (looked.get(second) ?? 0) + 1);
      sids.add(sid);
    };
    await fixture.pass(31_000);
    assert.equal(sids.size, 90, 'all were looked at');
    assert.ok(Math.max(...looked.values()) <= 20, `${[...looked.values()]} in the seconds`);
  });

  it('are hung up as soon as a letter finds the call ended', async () => {
    const fixture = await new GatewayFixture().start();
    const { sid, phone } = await fixture.inbound();
    await fixture.say(sid, { kind: 'answer', leg: 'a', sdp: 'v=0 answer' });
    const held = fixture.world.held(sid);
    const ending = { status: 'failed', cause: 'x', blame: 'platform', sipCode: null, detail: null } as const;
    held.record = { ...held.record, status: 'failed', ending };
    phone.delegate.onInfo('application/dtmf', '5');
    await settle();
    assert.equal(phone.asked.at(-1), 'hangup');
  });

  it('are forgotten', async () => {
    const fixture = await new GatewayFixture().start();
    const { sid, phone } = await fixture.inbound();
    phone.delegate.onEnded('cancel', 487);
    phone.delegate.onData(null);
    await fixture.pass(5000);
    assert.equal(fixture.world.held(sid).record.owner, OWNER);
    assert.equal(fixture.gateway.figures().calls, 0);
  });
});
