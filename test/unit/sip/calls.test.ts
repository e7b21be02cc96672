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

    it('moves the media by re-INVITE in both directions', async () => {
      const { caller, callee, near, far } = await talk();
      caller.reoffer('v=0 hold');
      assert.deepEqual(await far.until('reoffer'), ['reoffer', 'v=0 hold']);
      callee.answerReoffer('v=0 held');
      assert.deepEqual(await near.until('reanswered'), ['reanswered', 'v=0 held']);
      await far.until('acked', 2);
      callee.reoffer('v=0 moved');
      assert.deepEqual(await near.until('reoffer'), ['reoffer', 'v=0 moved']);
      caller.answerReoffer('v=0 fine');
      assert.deepEqual(await far.until('reanswered'), ['reanswered', 'v=0 fine']);
      caller.reoffer('v=0 third');
      await far.until('reoffer', 2);
      callee.refuseReoffer(488, 'Not Acceptable Here');
      assert.deepEqual(await near.until('reofferFailed'), ['reofferFailed', 488, 'Not Acceptable Here']);
      assert.equal(caller.state, 'up');
    });

    it('settles offers that cross', async () => {
      const { caller, callee, near, far } = await talk();
      caller.reoffer('v=0 a');
      callee.reoffer('v=0 b');
      const [first] = await Promise.race([near.until('reoffer'), far.until('reoffer')]);
      assert.equal(first, 'reoffer');
      if (near.names.includes('reoffer')) caller.answerReoffer('v=0 ab');
      const later = far.until('reoffer').then(() => callee.answerReoffer('v=0 ba'));
      const other = near.until('reoffer').then(() => caller.answerReoffer('v=0 ab'));
      await Promise.all([later, other, near.until('reanswered'), far.until('reanswered')]);
      assert.equal(caller.state, 'up');
    });

    it('carries INFO both ways', async () => {
      const { caller, callee, near, far } = await talk();
      caller.info('application/dtmf-relay', 'Signal=5\r\nDuration=100\r\n');
      assert.deepEqual(await far.until('info'), ['info', 'application/dtmf-relay', 'Signal=5\r\nDuration=100\r\n']);
      callee.info('application/dtmf', '7');
      assert.deepEqual(await near.until('info'), ['info', 'application/dtmf', '7']);
    });

    it('cancels a ringing call', async () => {
      const far = new CallLog();
      const near = new CallLog();
      const b = await phone((invitation) => invitation.accept(far).ring(180, null));
      const a = await phone();
      const call = a.agent.dial(order(b.uri('bob'), { transport }), near);
      await near.until('progress');
      call.hangup();
      assert.deepEqual(await near.until('failed'), ['failed', 487, 'Request Terminated']);
      assert.deepEqual(await far.until('ended'), ['ended', 'cancel', null]);
      assert.equal(call.state, 'ended');
    });

    it('gives up ringing after the ring time with 408', async () => {
      const far = new CallLog();
      const near = new CallLog();
      const b = await phone((invitation) => invitation.accept(far).ring(180, null));
      const a = await phone();
      a.agent.dial(order(b.uri('bob'), { transport, ringTimeoutMs: 60 }), near);
      assert.deepEqual(await near.until('failed'), ['failed', 408, 'Request Timeout']);
      assert.deepEqual(await far.until('ended'), ['ended', 'cancel', null]);
    });

    it('hears busy, also before and after accepting, with the time to retry', async () => {
      const b = await phone((invitation) => invitation.refuse(503, 'Later', { 'Retry-After': '7' }));
      const c = await phone((invitation) => invitation.accept(new CallLog()).reject(486, 'Busy Here'));
      const a = await phone();
      const first = new CallLog();
      a.agent.dial(order(b.uri('bob'), { transport }), first);
      assert.deepEqual(await first.until('failed'), ['failed', 503, 'Later', 7_000]);
      const second = new CallLog();
      a.agent.dial(order(c.uri('carol'), { transport }), second);
      assert.deepEqual(await second.until('failed'), ['failed', 486, 'Busy Here']);
      assert.equal(second.data, null);
    });

    it('takes a late offer and answers it in the ACK', async () => {
      const far = new CallLog();
      const near = new CallLog();
      const b = await phone((invitation) => {
        assert.equal(invitation.sdp, null);
        invitation.accept(far).answer('v=0 offer');
      });
      const a = await phone();
      const call = a.agent.dial(order(b.uri('bob'), { transport, sdp: null }), near);
      assert.deepEqual(await near.until('answered'), ['answered', 'v=0 offer']);
      call.answer('v=0 answer');
      assert.deepEqual(await far.until('acked'), ['acked', 'v=0 answer']);
    });

    it('authenticates towards a trunk that answers 401', async () => {
      const far = new CallLog();
      const near = new CallLog();
      const b = await phone((invitation) => {
        if (invitation.authenticate('trunk', (name) => (name === 'us' ? 'secret' : null))) {
          invitation.accept(far).answer(ANSWER);
        }
      });
      const a = await phone();
      const credentials = { username: 'us', password: 'secret' };
      const call = a.agent.dial(order(b.uri('bob'), { transport, credentials }), near);
      await near.until('answered');
      await far.until('acked');
      call.hangup();
      await far.until('ended');
      const wrong = new CallLog();
      a.agent.dial(order(b.uri('bob'), { transport, credentials: { username: 'us', password: 'no' } }), wrong);
      assert.deepEqual((await wrong.until('failed')).slice(0, 2), ['failed', 401]);
    });

    it('is taken up again from its data after a restart', async () => {
      const { callee, near, far } = await talk();
      const b = await phone();
      const kept = JSON.parse(JSON.stringify(near.data));
      assert.ok(kept);
      const again = new CallLog();
      const restored = b.agent.restore(kept, again);
      assert.equal(restored.state, 'up');
      restored.reoffer('v=0 moved');
      await far.until('reoffer');
      callee.answerReoffer('v=0 ok');
      await again.until('reanswered');
      restored.hangup();
      assert.deepEqual(await far.until('ended'), ['ended', 'bye', null]);
      await again.until('gone');
    });

    it('is hung up by the callee', async () => {
      const { callee, near, caller } = await talk();
      callee.hangup();
      assert.deepEqual(await near.until('ended'), ['ended', 'bye', null]);
      assert.equal(caller.state, 'ended');
    });
  });
}

describe('finding the far end', () => {
  it('fails with 503 when nobody listens by TCP', async () => {
    const a = await phone();
    const near = new CallLog();
    a.agent.dial(order('sip:bob@127.0.0.1:1', { transport: 'tcp' }), near);
    assert.deepEqual((await near.until('failed')).slice(0, 2), ['failed', 503]);
  });

  it('sends by way of the proxy of the order', async () => {
    const b = await phone((invitation) => invitation.refuse(486, invitation.requestUri.host));
    const a = await phone();
    const near = new CallLog();
    a.agent.dial(order('sip:bob@elsewhere.invalid', { via: `127.0.0.1:${b.agent.address.port}` }), near);
    assert.deepEqual(await near.until('failed'), ['failed', 486, 'elsewhere.invalid']);
  });

  it('sends a large INVITE by TCP though UDP was asked for', async () => {
    const sources: string[] = [];
    const b = await phone((invitation) => {
      sources.push(invitation.source.transport);
      invitation.refuse(486, 'Busy Here');
    });
    const a = await phone();
    const near = new CallLog();
    a.agent.dial(order(b.uri('bob'), { sdp: OFFER + 'a=x\r\n'.repeat(300) }), near);
    await near.until('failed');
    assert.deepEqual(sources, ['tcp']);
  });
});
