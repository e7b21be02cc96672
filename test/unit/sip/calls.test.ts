/** Two user agents over real loopback sockets, UDP and TCP: every way a call can go. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { SipCall, SipInvitation } from '../../../worker/sip/sip-call.ts';
import { ANSWER, CallLog, OFFER, openPhone, order, type Phone } from '../../support/sip.ts';

const phones: Phone[] = [];
afterEach(async () => {
  for (const phone of phones.splice(0)) await phone.agent.close(0);
});

async function phone(
  onInvite: (invitation: SipInvitation) => void = (one) => one.refuse(404, 'Not Found'),
): Promise<Phone> {
  const opened = await openPhone(onInvite);
  phones.push(opened);
  return opened;
}

interface Pair {
  readonly caller: SipCall;
  readonly callee: SipCall;
  readonly near: CallLog;
  readonly far: CallLog;
}

for (const transport of ['udp', 'tcp'] as const) {
  /** An established call between two fresh phones. */
  const talk = async (): Promise<Pair> => {
    const far = new CallLog();
    const near = new CallLog();
    let callee: SipCall | undefined;
    const b = await phone((invitation) => {
      callee = invitation.accept(far);
      callee.answer(ANSWER);
    });
    const a = await phone();
    const caller = a.agent.dial(order(b.uri('bob'), { transport }), near);
    await near.until('answered');
    await far.until('acked');
    assert.ok(callee);
    return { caller, callee, near, far };
  };

  describe(`calls over ${transport}`, () => {
    it('rings with early media, is answered, and is hung up by the caller', async () => {
      const far = new CallLog();
      const near = new CallLog();
      const b = await phone((invitation) => {
        assert.equal(invitation.sdp, OFFER);
        assert.equal(invitation.requestUri.user, 'bob');
        assert.deepEqual(invitation.header('x-test'), ['one']);
        const call = invitation.accept(far);
        call.ring(183, ANSWER);
        call.answer(ANSWER);
      });
      const a = await phone();
      const call = a.agent.dial(order(b.uri('bob'), { transport, headers: { 'X-Test': 'one' } }), near);
      assert.deepEqual(await near.until('progress'), ['progress', 183, 'Session Progress', ANSWER]);
      assert.deepEqual(await near.until('answered'), ['answered', ANSWER]);
      assert.deepEqual(await far.until('acked'), ['acked', null]);
      assert.equal(call.state, 'up');
      call.hangup();
      assert.deepEqual(await far.until('ended'), ['ended', 'bye', null]);
      await near.until('gone');
      await far.until('gone');
      assert.equal(call.state, 'ended');
      assert.equal(a.agent.counts.calls + b.agent.counts.calls, 0);
      assert.ok(!near.names.includes('ended'));
    });

    it('is hung up by the callee', async () => {
      const { callee, near, caller } = await talk();
      callee.hangup();
      assert.deepEqual(await near.until('ended'), ['ended', 'bye', null]);
      assert.equal(caller.state, 'ended');
    });
  });
}
