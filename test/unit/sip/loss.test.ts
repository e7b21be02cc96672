/** Two user agents on a network that loses what it is told to, with the time moved by hand. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLogger } from '../../../shared/kernel/log.ts';
import type { SipCall, SipInvitation } from '../../../worker/sip/sip-call.ts';
import { UserAgent } from '../../../worker/sip/user-agent.ts';
import { ManualClock } from '../../support/clock.ts';
import { ANSWER, CallLog, order } from '../../support/sip.ts';
import { FakeNetwork } from '../../support/sip-network.ts';

const A = '192.0.2.1';
const B = '192.0.2.2';

/** Alice's and Bob's agents; `lose` says of each message whether it is lost. */
class Bench {
  readonly clock = new ManualClock();
  readonly alice = new FakeNetwork(A);
  readonly bob = new FakeNetwork(B);
  readonly a: UserAgent;
  readonly b: UserAgent;
  readonly near = new CallLog();
  readonly far = new CallLog();
  caller: SipCall | null = null;
  callee: SipCall | null = null;
  lose: (line: string) => boolean = () => false;

  constructor(onInvite?: (invitation: SipInvitation, bench: Bench) => void) {
    const take = (invitation: SipInvitation): void => {
      if (onInvite) onInvite(invitation, this);
      else {
        this.callee = invitation.accept(this.far);
        this.callee.answer(ANSWER);
      }
    };
    this.a = new UserAgent(
      this.alice,
      'a',
      { onInvite: () => assert.fail('nobody calls alice') },
      this.clock,
      silentLogger,
    );
    this.b = new UserAgent(this.bob, 'b', { onInvite: take }, this.clock, silentLogger);
    this.#link(this.alice, this.bob, A);
    this.#link(this.bob, this.alice, B);
  }

  dial(changes = {}): SipCall {
    this.caller = this.a.dial(order(`sip:bob@${B}`, changes), this.near);
    return this.caller;
  }

  #link(from: FakeNetwork, to: FakeNetwork, address: string): void {
    from.carry = (bytes) => {
      const line = from.lines.at(-1) ?? '';
      if (!this.lose(line)) this.clock.after(1, () => void to.deliver(bytes, address));
    };
  }

  /** What is left when all protocol time is over. */
  rest(): object {
    this.clock.advance(200_000);
    const { a, b } = this;
    return [a.counts, b.counts].map((one) => one.calls + one.clientTransactions + one.serverTransactions);
  }
}

/** True the first `times` times that line is sent. */
function first(times: number, wanted: string): (line: string) => boolean {
  let left = times;
  return (line) => line === wanted && left-- > 0;
}

describe('lost messages', () => {
  it('a lost INVITE is sent again after T1', () => {
    const bench = new Bench();
    bench.lose = first(2, 'INVITE');
    bench.dial();
    bench.clock.advance(499);
    assert.deepEqual(bench.alice.lines, ['INVITE']);
    bench.clock.advance(1_200);
    assert.deepEqual(bench.near.names, ['answered']);
    assert.deepEqual(bench.far.names, ['acked']);
  });

  it('a lost 200 is sent again until its ACK, and each is acknowledged', () => {
    const bench = new Bench();
    bench.lose = first(3, '200 INVITE');
    bench.dial();
    bench.clock.advance(10_000);
    assert.deepEqual(bench.near.names, ['answered']);
    assert.deepEqual(bench.far.names, ['acked']);
    assert.equal(bench.bob.lines.filter((line) => line === '200 INVITE').length, 4);
  });

  it('a lost ACK is sent again for the repeated 200', () => {
    const bench = new Bench();
    bench.lose = first(2, 'ACK');
    bench.dial();
    bench.clock.advance(5_000);
    assert.equal(bench.alice.lines.filter((line) => line === 'ACK').length, 3);
    assert.deepEqual(bench.near.names, ['answered']);
    assert.deepEqual(bench.far.names, ['acked']);
    assert.equal(bench.bob.lines.filter((line) => line === '200 INVITE').length, 3);
  });

  it('without any ACK the callee hangs up after 64·T1 and is told it is lost', () => {
    const bench = new Bench();
    bench.lose = (line) => line === 'ACK';
    bench.dial();
    bench.clock.advance(31_900);
    assert.deepEqual(bench.far.names, []);
    bench.clock.advance(200);
    assert.deepEqual(bench.far.entries[0], ['ended', 'lost', null]);
    assert.deepEqual(bench.near.entries.at(-2), ['ended', 'bye', null]);
    assert.deepEqual(bench.rest(), [0, 0]);
  });

  it('a far end that never answers costs 32 s and 408', () => {
    const bench = new Bench();
    bench.lose = () => true;
    bench.dial();
    bench.clock.advance(31_999);
    assert.deepEqual(bench.near.names, []);
    bench.clock.advance(1);
    assert.deepEqual(bench.near.entries, [['failed', 408, 'Request Timeout'], ['gone']]);
    assert.equal(bench.alice.lines.length, 7);
    assert.deepEqual(bench.rest(), [0, 0]);
  });

  it('a BYE that is never answered ends the call all the same', () => {
    const bench = new Bench();
    const call = bench.dial();
    bench.clock.advance(100);
    bench.lose = () => true;
    call.hangup();
    assert.equal(call.state, 'ended');
    bench.clock.advance(33_000);
    assert.deepEqual(bench.near.names, ['answered', 'gone']);
    assert.equal(bench.a.counts.calls, 0);
  });

  it('an INFO that is never answered loses the call', () => {
    const bench = new Bench();
    const call = bench.dial();
    bench.clock.advance(100);
    bench.lose = () => true;
    call.info('text/plain', 'x');
    bench.clock.advance(32_000);
    assert.deepEqual(bench.near.entries[1], ['ended', 'lost', 408]);
    assert.deepEqual(bench.rest(), [0, 1]);
  });

  it('nothing stays behind after a call', () => {
    const bench = new Bench();
    const call = bench.dial();
    bench.clock.advance(100);
    call.hangup();
    assert.deepEqual(bench.rest(), [0, 0]);
    assert.equal(bench.clock.pending, 0);
  });
});

describe('races', () => {
  it('a 200 that crosses our CANCEL is acknowledged and hung up', () => {
    const bench = new Bench((invitation, self) => {
      self.callee = invitation.accept(self.far);
      self.callee.ring(180, null);
    });
    const call = bench.dial();
    bench.clock.advance(10);
    bench.callee?.answer(ANSWER);
    call.hangup();
    bench.clock.advance(100);
    assert.deepEqual(bench.near.entries.slice(1), [['failed', 487, 'Request Terminated'], ['gone']]);
    assert.deepEqual(bench.alice.lines, ['INVITE', 'CANCEL', 'ACK', 'BYE']);
    assert.deepEqual(bench.far.names, ['acked', 'ended', 'gone']);
    assert.deepEqual(bench.rest(), [0, 0]);
  });

  it('a hang-up before any answer waits with its CANCEL for the first one', () => {
    const bench = new Bench((invitation, self) => {
      self.callee = invitation.accept(self.far);
    });
    const call = bench.dial();
    call.hangup();
    assert.deepEqual(bench.alice.lines, ['INVITE']);
    bench.clock.advance(100);
    assert.deepEqual(bench.alice.lines, ['INVITE', 'CANCEL', 'ACK']);
    assert.deepEqual(bench.near.names, ['failed', 'gone']);
    assert.deepEqual(bench.far.entries[0], ['ended', 'cancel', null]);
  });

  it('a callee that hangs up at once after answering waits for the ACK', () => {
    const bench = new Bench((invitation, self) => {
      self.callee = invitation.accept(self.far);
      self.callee.answer(ANSWER);
      self.callee.hangup();
    });
    bench.dial();
    bench.clock.advance(100);
    assert.deepEqual(bench.bob.lines, ['100 INVITE', '200 INVITE', 'BYE']);
    assert.deepEqual(bench.near.names, ['answered', 'ended', 'gone']);
    assert.deepEqual(bench.far.names, ['gone']);
  });

  it('both hang up at once', () => {
    const bench = new Bench();
    const call = bench.dial();
    bench.clock.advance(100);
    call.hangup();
    bench.callee?.hangup();
    bench.clock.advance(100);
    assert.deepEqual(bench.near.names, ['answered', 'gone']);
    assert.deepEqual(bench.far.names, ['acked', 'gone']);
  });

  it('an invitation nobody decides about is refused', () => {
    const bench = new Bench(() => {});
    bench.dial({ ringTimeoutMs: 60_000 });
    bench.clock.advance(33_000);
    assert.deepEqual(bench.near.entries[0], ['failed', 480, 'Temporarily Unavailable']);
    assert.deepEqual(bench.rest(), [0, 0]);
  });

  it('an invitation cancelled before the decision gives an ended call', async () => {
    let kept: SipInvitation | undefined;
    const bench = new Bench((invitation) => {
      kept = invitation;
    });
    const call = bench.dial();
    bench.clock.advance(10);
    call.hangup();
    bench.clock.advance(10);
    const late = kept?.accept(bench.far);
    late?.answer(ANSWER);
    await Promise.resolve();
    assert.equal(late?.state, 'ended');
    assert.deepEqual(bench.far.entries, [['ended', 'cancel', null]]);
    assert.deepEqual(bench.near.entries[0], ['failed', 487, 'Request Terminated']);
  });

  it('crossing re-INVITEs get 491 and are tried again', () => {
    const bench = new Bench();
    const call = bench.dial();
    bench.clock.advance(100);
    call.reoffer('v=0 a');
    bench.callee?.reoffer('v=0 b');
    bench.clock.advance(10);
    assert.ok(bench.alice.lines.includes('491 INVITE') && bench.bob.lines.includes('491 INVITE'));
    for (let step = 0; step < 50; step++) {
      bench.clock.advance(100);
      if (bench.near.names.filter((name) => name === 'reoffer').length === 1) call.answerReoffer('v=0 ab');
      if (bench.far.names.filter((name) => name === 'reoffer').length === 1) bench.callee?.answerReoffer('v=0 ba');
    }
    assert.deepEqual(
      bench.near.entries.filter(([name]) => name === 'reanswered'),
      [['reanswered', 'v=0 ba']],
    );
    assert.deepEqual(
      bench.far.entries.filter(([name]) => name === 'reanswered'),
      [['reanswered', 'v=0 ab']],
    );
  });
});

describe('restart', () => {
  const again = (
    bench: Bench,
    log: CallLog,
    of: CallLog,
  ): { network: FakeNetwork; call: SipCall; agent: UserAgent } => {
    const network = new FakeNetwork(of === bench.near ? A : B);
    const onInvite = (): void => assert.fail('a new call');
    const agent = new UserAgent(network, 'again', { onInvite }, bench.clock, silentLogger, { waits: true });
    assert.ok(of.data);
    const call = agent.restore(JSON.parse(JSON.stringify(of.data)), log);
    agent.begin();
    return { network, call, agent };
  };

  it('answers a call that was ringing', () => {
    const bench = new Bench((invitation, self) => {
      self.callee = invitation.accept(self.far);
      self.callee.ring(180, null);
    });
    bench.dial();
    bench.clock.advance(10);
    const log = new CallLog();
    const { network, call } = again(bench, log, bench.far);
    assert.equal(call.state, 'invited');
    call.answer(ANSWER);
    assert.deepEqual(network.lines, ['200 INVITE']);
    const [response] = network.responses;
    assert.ok(response);
    assert.equal(response.toTag, bench.near.data && JSON.parse(JSON.stringify(bench.near.data)).dialog.remoteTag);
    assert.equal(response.body, ANSWER);
  });

  it('cancels a call that was ringing, and hangs up if it was answered meanwhile', () => {
    const bench = new Bench((invitation, self) => {
      self.callee = invitation.accept(self.far);
      self.callee.ring(180, null);
    });
    bench.dial();
    bench.clock.advance(10);
    const log = new CallLog();
    const { network, call } = again(bench, log, bench.near);
    network.carry = (bytes) => void bench.clock.after(1, () => void bench.bob.deliver(bytes, A));
    bench.bob.carry = (bytes) => void bench.clock.after(1, () => void network.deliver(bytes, B));
    call.hangup();
    bench.clock.advance(10);
    assert.deepEqual(network.lines.slice(0, 2), ['CANCEL', 'ACK']);
    assert.deepEqual(log.entries[0], ['failed', 487, 'Request Terminated']);
    assert.deepEqual(bench.far.entries[0], ['ended', 'cancel', null]);
  });

  it('acknowledges the answer to an INVITE of before', () => {
    const bench = new Bench((invitation, self) => {
      self.callee = invitation.accept(self.far);
      self.callee.ring(180, null);
    });
    bench.dial();
    bench.clock.advance(10);
    const log = new CallLog();
    const { network, call } = again(bench, log, bench.near);
    network.carry = (bytes) => void bench.clock.after(1, () => void bench.bob.deliver(bytes, A));
    bench.bob.carry = (bytes) => void bench.clock.after(1, () => void network.deliver(bytes, B));
    bench.callee?.answer(ANSWER);
    bench.clock.advance(10);
    assert.deepEqual(log.entries[0], ['answered', ANSWER]);
    assert.deepEqual(bench.far.names, ['acked']);
    call.hangup();
    bench.clock.advance(10);
    assert.deepEqual(bench.far.names, ['acked', 'ended', 'gone']);
  });

  it('acknowledges an answer whose ACK was lost before, as often as it is repeated', () => {
    const bench = new Bench();
    bench.lose = (line) => line === 'ACK';
    bench.dial();
    bench.clock.advance(100);
    assert.deepEqual(bench.near.names, ['answered']);
    const log = new CallLog();
    const { network, call } = again(bench, log, bench.near);
    network.carry = (bytes) => void bench.clock.after(1, () => void bench.bob.deliver(bytes, A));
    bench.bob.carry = (bytes) => void bench.clock.after(1, () => void network.deliver(bytes, B));
    bench.clock.advance(600);
    assert.equal(network.lines[0], 'ACK');
    assert.deepEqual(bench.far.names, ['acked']);
    call.hangup();
    bench.clock.advance(10);
    assert.deepEqual(bench.far.names, ['acked', 'ended', 'gone']);
  });

  it('takes the INVITE of a call it knows, sent again, for that call', () => {
    const bench = new Bench((invitation, self) => {
      self.callee = invitation.accept(self.far);
    });
    // Nothing of the first life reaches the caller, who sends the INVITE again.
    bench.lose = (line) => line.startsWith('100');
    bench.dial();
    bench.clock.advance(100);
    const log = new CallLog();
    const { network, call } = again(bench, log, bench.far);
    network.carry = (bytes) => void bench.clock.after(1, () => void bench.alice.deliver(bytes, B));
    bench.alice.carry = (bytes) => void bench.clock.after(1, () => void network.deliver(bytes, A));
    bench.clock.advance(500);
    assert.deepEqual(network.lines, ['100 INVITE']);
    call.answer(ANSWER);
    bench.clock.advance(10);
    assert.deepEqual(bench.near.entries[0], ['answered', ANSWER]);
    assert.deepEqual(log.names, ['acked']);
  });

  it('gives up an INVITE nobody has said a word to', () => {
    const bench = new Bench();
    bench.lose = () => true;
    bench.dial({ ringTimeoutMs: 60_000 });
    bench.clock.advance(100);
    const log = new CallLog();
    again(bench, log, bench.near);
    bench.clock.advance(33_000);
    assert.deepEqual(log.entries[0], ['failed', 408, 'Request Timeout']);
    assert.equal(log.names.at(-1), 'gone');
  });

  it('keeps what arrives before its calls are restored', () => {
    const bench = new Bench();
    bench.dial();
    bench.clock.advance(10);
    const network = new FakeNetwork(B);
    const options = { onInvite: () => assert.fail('a new call') };
    const agent = new UserAgent(network, 'again', options, bench.clock, silentLogger, { waits: true });
    bench.alice.carry = (bytes) => network.deliver(bytes, A);
    bench.caller?.hangup();
    assert.deepEqual(network.lines, []);
    const log = new CallLog();
    agent.restore(JSON.parse(JSON.stringify(bench.far.data)), log);
    agent.begin();
    assert.deepEqual(network.lines, ['200 BYE']);
    assert.deepEqual(log.names, ['ended', 'gone']);
  });

  it('refuses data that is not its own', () => {
    const bench = new Bench();
    assert.throws(() => bench.a.restore({ version: 2 }, bench.near));
  });
});
