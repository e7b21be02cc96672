/** A call of ours given up before anyone said a word: RFC 3261 §9.1, with targets (RFC 3263 §4.3) and credentials left. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { silentLogger } from '../../../shared/kernel/log.ts';
import type { SipCall, SipDial } from '../../../worker/sip/sip-call.ts';
import { UserAgent } from '../../../worker/sip/user-agent.ts';
import { ManualClock } from '../../support/clock.ts';
import { CallLog, order } from '../../support/sip.ts';
import { FakeNetwork } from '../../support/sip-network.ts';

const FIRST = '192.0.2.8';
const names = { srv: async () => [], addresses: async () => [FIRST, '192.0.2.9'] };
const CREDENTIALS = { username: 'u', password: 'p' };
const GONE = ['gone'];

/** An INVITE that went to the first of two targets, which has not said anything. */
class Unheard {
  readonly network = new FakeNetwork();
  readonly clock = new ManualClock();
  readonly log = new CallLog();
  readonly call: SipCall;

  private constructor(changes: Partial<SipDial>) {
    const delegate = { onInvite: () => assert.fail('nobody calls us') };
    const agent = new UserAgent(this.network, 'test', delegate, this.clock, silentLogger, { names });
    const dial = order('sip:bob@trunk.example', { credentials: CREDENTIALS, ...changes });
    this.call = agent.dial(dial, this.log);
  }

  static async dialled(changes: Partial<SipDial> = {}): Promise<Unheard> {
    const bench = new Unheard(changes);
    await turn();
    assert.deepEqual(bench.lines, [`INVITE ${FIRST}`]);
    return bench;
  }

  /** What was sent, and where to. */
  get lines(): string[] {
    return this.network.sent.map(({ to }, at) => `${this.network.lines[at]} ${to.address}`);
  }

  /** The answer to the INVITE sent last. */
  answer(status: number, fields = ''): void {
    const invite = this.network.requests.findLast(({ method }) => method === 'INVITE');
    assert.ok(invite);
    const head = ['Via', 'From', 'Call-ID', 'CSeq'].map((name) => `${name}: ${invite.headers.get(name.toLowerCase())}`);
    const text = [`SIP/2.0 ${status} So`, ...head, 'To: <sip:bob@trunk.example>;tag=far'].join('\r\n');
    this.network.deliver(Buffer.from(`${text}\r\nContact: <sip:bob@${FIRST}>\r\n${fields}\r\n`), FIRST);
  }
}

const CHALLENGE = 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\n';

describe('a call given up before anyone said a word', () => {
  it('goes to no further target when the first turns out to be dead', async () => {
    const bench = await Unheard.dialled();
    bench.call.hangup();
    bench.clock.advance(33_000);
    assert.deepEqual(new Set(bench.lines), new Set([`INVITE ${FIRST}`]));
    assert.deepEqual(bench.log.entries, [['failed', 487, 'Request Terminated'], GONE]);
  });

  it('nor after the ring time', async () => {
    const bench = await Unheard.dialled({ ringTimeoutMs: 1_000 });
    bench.clock.advance(33_000);
    assert.deepEqual(new Set(bench.lines), new Set([`INVITE ${FIRST}`]));
    assert.deepEqual(bench.log.entries, [['failed', 408, 'Request Timeout'], GONE]);
  });

  it('nor when the first says 503', async () => {
    const bench = await Unheard.dialled();
    bench.call.hangup();
    bench.answer(503);
    bench.clock.advance(33_000);
    assert.deepEqual(bench.lines, [`INVITE ${FIRST}`, `ACK ${FIRST}`]);
    assert.deepEqual(bench.log.entries, [['failed', 487, 'Request Terminated'], GONE]);
  });

  it('shows no credentials to who asks for them', async () => {
    const bench = await Unheard.dialled();
    bench.call.hangup();
    bench.answer(401, CHALLENGE);
    bench.clock.advance(33_000);
    assert.deepEqual(bench.lines, [`INVITE ${FIRST}`, `ACK ${FIRST}`]);
    assert.deepEqual(bench.log.entries, [['failed', 487, 'Request Terminated'], GONE]);
  });

  it('is cancelled with the first word that comes, and acknowledged and hung up when that is a 200', async () => {
    const ringing = await Unheard.dialled();
    ringing.call.hangup();
    ringing.answer(180);
    assert.deepEqual(ringing.lines, [`INVITE ${FIRST}`, `CANCEL ${FIRST}`]);
    const answered = await Unheard.dialled();
    answered.call.hangup();
    answered.answer(200);
    assert.deepEqual(answered.lines, [`INVITE ${FIRST}`, `ACK ${FIRST}`, `BYE ${FIRST}`]);
    assert.deepEqual(answered.log.entries, [['failed', 487, 'Request Terminated']]);
  });

  it('has a CANCEL for an INVITE with credentials only when something was heard of that one', async () => {
    const bench = await Unheard.dialled();
    bench.answer(100);
    bench.answer(401, CHALLENGE);
    await turn();
    bench.call.hangup();
    const sent = [`INVITE ${FIRST}`, `ACK ${FIRST}`, `INVITE ${FIRST}`];
    assert.deepEqual(bench.lines, sent);
    bench.answer(100);
    bench.answer(180);
    assert.deepEqual(bench.lines, [...sent, `CANCEL ${FIRST}`]);
    bench.answer(487);
    assert.deepEqual(bench.log.entries, [['failed', 487, 'Request Terminated'], GONE]);
  });

  it('nor without any answer to that one: no CANCEL, and an end when its time is over', async () => {
    const bench = await Unheard.dialled();
    bench.answer(100);
    bench.answer(503);
    bench.call.hangup();
    bench.clock.advance(33_000);
    assert.ok(!bench.lines.some((line) => line.startsWith('CANCEL')));
    assert.deepEqual(bench.log.entries, [['failed', 487, 'Request Terminated'], GONE]);
  });

  it('does go on to the next target as long as it is wanted', async () => {
    const bench = await Unheard.dialled();
    bench.answer(503);
    assert.deepEqual(bench.lines, [`INVITE ${FIRST}`, `ACK ${FIRST}`, 'INVITE 192.0.2.9']);
  });
});
