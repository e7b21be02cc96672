/** What the user agent answers to single requests: RFC 3261 §8.2, §11, §12.2.2 and RFC 3311, on the wire. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLogger } from '../../../shared/kernel/log.ts';
import type { SipInvitation } from '../../../worker/sip/sip-call.ts';
import { UserAgent } from '../../../worker/sip/user-agent.ts';
import { ManualClock } from '../../support/clock.ts';
import { ANSWER, CallLog, OFFER, order } from '../../support/sip.ts';
import { FakeNetwork } from '../../support/sip-network.ts';

let branches = 0;

interface Fields {
  readonly [name: string]: string;
}

/** A request to the agent under test; fields replace or add to the usual ones, '' removes one. */
function request(method: string, fields: Fields = {}, body = ''): Buffer {
  const all: Fields = {
    Via: `SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK${++branches};rport`,
    'Max-Forwards': '70',
    From: '<sip:x@example.com>;tag=theirs',
    To: '<sip:us@example.com>',
    'Call-ID': 'call',
    CSeq: `1 ${method}`,
    Contact: '<sip:x@192.0.2.9>',
    ...(body === '' ? {} : { 'Content-Type': 'application/sdp' }),
    ...fields,
  };
  const lines = Object.entries(all).filter(([, value]) => value !== '');
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.from(
    `${method} sip:us@192.0.2.1 SIP/2.0\r\n${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

interface Subject {
  readonly network: FakeNetwork;
  readonly clock: ManualClock;
  readonly agent: UserAgent;
  readonly log: CallLog;
}

function subject(
  onInvite: (invitation: SipInvitation, log: CallLog) => void = (one, log) => void one.accept(log),
): Subject {
  const network = new FakeNetwork();
  const clock = new ManualClock();
  const log = new CallLog();
  const agent = new UserAgent(network, 'test', { onInvite: (one) => onInvite(one, log) }, clock, silentLogger);
  return { network, clock, agent, log };
}

/** An answered and acknowledged call of theirs; gives our tag. */
function established(): Subject & { readonly to: string } {
  const all = subject((one, log) => one.accept(log).answer(ANSWER));
  all.network.deliver(request('INVITE', {}, OFFER));
  const tag = all.network.responses.at(-1)?.toTag;
  const to = `<sip:us@example.com>;tag=${tag}`;
  all.network.deliver(request('ACK', { To: to }));
  assert.deepEqual(all.log.names, ['acked']);
  all.network.sent.length = 0;
  return { ...all, to };
}

describe('outside of a call', () => {
  it('answers OPTIONS with what it can do', () => {
    const { network } = subject();
    network.deliver(request('OPTIONS'));
    const [response] = network.responses;
    assert.equal(response?.status, 200);
    assert.deepEqual(response?.headers.list('allow'), ['INVITE', 'ACK', 'CANCEL', 'BYE', 'OPTIONS', 'INFO', 'UPDATE']);
    assert.equal(response?.headers.get('accept'), 'application/sdp');
    assert.ok(!response?.headers.list('supported').includes('100rel'));
  });

  const refusals: readonly (readonly [string, Buffer, number])[] = [
    ['REGISTER', request('REGISTER'), 405],
    ['PRACK', request('PRACK'), 405],
    ['an unknown method', request('JUGGLE'), 501],
    ['BYE without a call', request('BYE', { To: '<sip:us@h>;tag=nobody' }), 481],
    ['CANCEL without an INVITE', request('CANCEL'), 481],
    ['INFO without a call', request('INFO'), 481],
    ['INVITE with the tag of no call', request('INVITE', { To: '<sip:us@h>;tag=nobody' }, OFFER), 481],
    ['Require: 100rel', request('INVITE', { Require: '100rel' }, OFFER), 420],
    ['an INVITE at its last hop', request('INVITE', { 'Max-Forwards': '0' }, OFFER), 483],
    ['a body that is no SDP', request('INVITE', { 'Content-Type': 'text/plain' }, 'hello'), 415],
    ['an INVITE without Contact', request('INVITE', { Contact: '' }, OFFER), 400],
  ];
  for (const [what, bytes, status] of refusals) {
    it(`answers ${what} with ${status}`, () => {
      const { network } = subject();
      network.deliver(bytes);
      assert.equal(network.responses.at(-1)?.status, status);
    });
  }

  const now: readonly (readonly [string, Buffer, number])[] = [
    ['OPTIONS', request('OPTIONS'), 200],
    ...refusals,
    ['an INVITE that is refused at once', request('INVITE', { Subject: 'no' }, OFFER), 403],
    ['an INVITE that is asked for credentials', request('INVITE', { Subject: 'who' }, OFFER), 401],
  ];
  for (const [what, bytes, status] of now) {
    it(`holds nothing for ${what}, which gets one answer each time it comes`, () => {
      const { network, clock, agent, log } = subject((one) => {
        if (one.header('subject')[0] === 'no') one.refuse(403, 'Forbidden');
        else one.authenticate('here', () => 'pw');
      });
      network.deliver(bytes);
      const answer = network.responses[0];
      assert.deepEqual([agent.counts.serverTransactions, clock.pending], [0, 0]);
      clock.advance(64_000);
      network.deliver(bytes);
      assert.deepEqual(
        network.responses.map((one) => [one.status, one.toTag]),
        [
          [status, answer?.toTag],
          [status, answer?.toTag],
        ],
      );
      assert.ok(answer?.toTag);
      const via = answer.headers.get('via') ?? '';
      network.deliver(request('ACK', { Via: via, To: answer.headers.get('to') ?? '' }));
      assert.deepEqual([network.sent.length, log.names], [2, []]);
    });
  }

  it('tells who waits for a decision that it is tried, and refuses by the transaction then', () => {
    const invitations: SipInvitation[] = [];
    const { network, clock, agent } = subject((one) => void invitations.push(one));
    network.deliver(request('INVITE', {}, OFFER));
    assert.deepEqual([network.lines, agent.counts.serverTransactions], [['100 INVITE'], 1]);
    invitations[0]?.refuse(404, 'Not Found');
    clock.advance(600);
    assert.deepEqual(network.lines, ['100 INVITE', '404 INVITE', '404 INVITE']);
  });

  it('names what it does not support', () => {
    const { network } = subject();
    network.deliver(request('INVITE', { Require: '100rel, timer' }, OFFER));
    assert.deepEqual(network.responses.at(-1)?.headers.list('unsupported'), ['100rel', 'timer']);
  });

  it('says nothing to a stray ACK or response', () => {
    const { network } = subject();
    network.deliver(request('ACK', { To: '<sip:us@h>;tag=nobody' }));
    network.deliver(
      Buffer.from(
        'SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKnone\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\n',
      ),
    );
    assert.deepEqual(network.lines, []);
  });

  it('answers the same INVITE by another way with 482', () => {
    const { network } = subject();
    network.deliver(request('INVITE', {}, OFFER));
    network.deliver(request('INVITE', {}, OFFER));
    assert.deepEqual(network.lines, ['100 INVITE', '482 INVITE']);
  });

  it('sends answers where rport and received point', () => {
    const { network } = subject();
    network.deliver(request('OPTIONS'), '198.51.100.7', 4_321);
    assert.deepEqual(network.sent[0]?.to, { transport: 'udp', address: '198.51.100.7', port: 4_321 });
    const via = network.responses[0]?.via.parameters;
    assert.equal(via?.get('received'), '198.51.100.7');
    assert.equal(via?.get('rport'), '4321');
    network.sent.length = 0;
    network.deliver(
      request('OPTIONS', { Via: 'SIP/2.0/UDP 10.0.0.1:5099;branch=z9hG4bKnorport' }),
      '198.51.100.7',
      4_321,
    );
    assert.deepEqual(network.sent[0]?.to, { transport: 'udp', address: '198.51.100.7', port: 5_099 });
  });
});

describe('an invited call', () => {
  it('is ended by CANCEL', () => {
    const { network, log } = subject();
    const via = 'SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKcancelme;rport';
    network.deliver(request('INVITE', { Via: via }, OFFER));
    network.deliver(request('CANCEL', { Via: via }));
    assert.deepEqual(network.lines, ['100 INVITE', '200 CANCEL', '487 INVITE']);
    assert.deepEqual(log.entries[0], ['ended', 'cancel', null]);
  });

  it('is ended by a BYE in the early dialog', () => {
    const { network, log } = subject((one, own) => one.accept(own).ring(180, null));
    network.deliver(request('INVITE', {}, OFFER));
    const tag = network.responses.at(-1)?.toTag;
    network.deliver(request('BYE', { To: `<sip:us@example.com>;tag=${tag}`, CSeq: '2 BYE' }));
    assert.deepEqual(network.lines, ['100 INVITE', '180 INVITE', '200 BYE', '487 INVITE']);
    assert.deepEqual(log.entries[0], ['ended', 'bye', null]);
  });

  it('refuses an UPDATE with an offer before the first is answered', () => {
    const { network } = subject((one, own) => one.accept(own).ring(180, null));
    network.deliver(request('INVITE', {}, OFFER));
    const tag = network.responses.at(-1)?.toTag;
    network.deliver(request('UPDATE', { To: `<sip:us@example.com>;tag=${tag}`, CSeq: '2 UPDATE' }, OFFER));
    const response = network.responses.at(-1);
    assert.equal(response?.status, 500);
    assert.match(response?.headers.get('retry-after') ?? '', /^\d+$/);
  });

  it('challenges, and takes the call with the right credentials', () => {
    const { network } = subject((one) => void one.authenticate('here', () => 'pw'));
    network.deliver(request('INVITE', {}, OFFER));
    const challenges = network.responses.at(-1)?.headers.all('www-authenticate') ?? [];
    assert.equal(challenges.length, 2);
    assert.match(challenges[0] ?? '', /SHA-256/);
  });
});

describe('within a call', () => {
  it('hears a BYE however many strangers ask for something', () => {
    const { network, log, agent, to } = established();
    for (let at = 0; at < 20_000; at++) {
      network.deliver(request('REGISTER', { 'Call-ID': `stranger ${at}` }), `198.51.100.${at % 256}`);
      network.sent.length = 0;
    }
    assert.equal(agent.counts.serverTransactions, 1);
    network.deliver(request('BYE', { To: to, CSeq: '2 BYE' }));
    assert.deepEqual(network.lines, ['200 BYE']);
    assert.deepEqual(log.entries.at(-2), ['ended', 'bye', null]);
  });

  it('answers UPDATE with an offer after asking, and without one at once', () => {
    const { network, log, to } = established();
    network.deliver(request('UPDATE', { To: to, CSeq: '2 UPDATE', Contact: '<sip:new@192.0.2.77>' }));
    assert.deepEqual(network.lines, ['200 UPDATE']);
    network.deliver(request('UPDATE', { To: to, CSeq: '3 UPDATE' }, 'v=0 held'));
    assert.deepEqual(log.entries.at(-1), ['reoffer', 'v=0 held']);
  });

  it('sends to the Contact that UPDATE gave', () => {
    let call: ReturnType<SipInvitation['accept']> | undefined;
    const { network } = subject((one, log) => {
      call = one.accept(log);
      call.answer(ANSWER);
    });
    network.deliver(request('INVITE', {}, OFFER));
    const to = `<sip:us@example.com>;tag=${network.responses.at(-1)?.toTag}`;
    network.deliver(request('ACK', { To: to }));
    network.deliver(request('UPDATE', { To: to, CSeq: '2 UPDATE', Contact: '<sip:new@192.0.2.77:7000>' }));
    call?.hangup();
    assert.equal(network.requests.at(-1)?.uri, 'sip:new@192.0.2.77:7000');
    assert.deepEqual(network.sent.at(-1)?.to, { transport: 'udp', address: '192.0.2.77', port: 7_000 });
  });

  it('asks for an offer on a re-INVITE without one and hears the answer in the ACK', () => {
    let call: ReturnType<SipInvitation['accept']> | undefined;
    const { network, log } = subject((one, own) => {
      call = one.accept(own);
      call.answer(ANSWER);
    });
    network.deliver(request('INVITE', {}, OFFER));
    const to = `<sip:us@example.com>;tag=${network.responses.at(-1)?.toTag}`;
    network.deliver(request('ACK', { To: to }));
    network.deliver(request('INVITE', { To: to, CSeq: '2 INVITE' }));
    assert.deepEqual(log.entries.at(-1), ['reoffer', null]);
    call?.answerReoffer('v=0 ours');
    assert.equal(network.responses.at(-1)?.body, 'v=0 ours');
    network.deliver(request('ACK', { To: to, CSeq: '2 ACK' }, 'v=0 theirs'));
    assert.deepEqual(log.entries.at(-1), ['acked', 'v=0 theirs']);
  });

  it('a cancelled re-INVITE leaves the call as it was', () => {
    const { network, to, log } = established();
    const via = 'SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKrecancel;rport';
    network.deliver(request('INVITE', { To: to, CSeq: '2 INVITE', Via: via }, 'v=0 x'));
    network.deliver(request('CANCEL', { To: to, CSeq: '2 CANCEL', Via: via }));
    assert.deepEqual(network.lines, ['100 INVITE', '200 CANCEL', '487 INVITE']);
    assert.deepEqual(log.names, ['acked', 'reoffer', 'reofferOver']);
    network.deliver(request('INVITE', { To: to, CSeq: '3 INVITE' }, 'v=0 y'));
    assert.equal(network.lines.at(-1), '100 INVITE');
  });

  it('a re-offer nobody answers is refused after a while, and by a BYE at once', () => {
    const { network, clock, to, log } = established();
    network.deliver(request('INVITE', { To: to, CSeq: '2 INVITE' }, 'v=0 x'));
    clock.advance(30_000);
    assert.ok(network.lines.includes('488 INVITE'));
    assert.deepEqual(log.names, ['acked', 'reoffer', 'reofferOver']);
    network.deliver(request('ACK', { To: to, CSeq: '2 ACK', Via: network.responses.at(-1)?.headers.get('via') ?? '' }));
    network.deliver(request('INVITE', { To: to, CSeq: '3 INVITE' }, 'v=0 y'));
    network.deliver(request('BYE', { To: to, CSeq: '4 BYE' }));
    assert.deepEqual(network.lines.slice(-2), ['200 BYE', '487 INVITE']);
    assert.deepEqual(log.entries.at(-2), ['ended', 'bye', null]);
  });

  it('answers 500 out of order, 481 to a stranger, 420, 405 and 501 as outside', () => {
    const { network, to } = established();
    const from = '<sip:x@example.com>;tag=stranger';
    network.deliver(request('INFO', { To: to, CSeq: '0 INFO' }));
    network.deliver(request('INFO', { To: to, CSeq: '2 INFO', From: from }));
    network.deliver(request('INFO', { To: to, CSeq: '3 INFO', Require: 'x' }));
    network.deliver(request('REFER', { To: to, CSeq: '4 REFER' }));
    network.deliver(request('JUGGLE', { To: to, CSeq: '5 JUGGLE' }));
    network.deliver(request('OPTIONS', { To: to, CSeq: '6 OPTIONS' }));
    assert.deepEqual(
      network.responses.map((one) => one.status),
      [500, 481, 420, 405, 501, 200],
    );
  });
});

describe('forks', () => {
  const response = (network: FakeNetwork, status: number, tag: string): Buffer => {
    const [invite] = network.requests;
    assert.ok(invite);
    const field = (name: string): string => `${name}: ${invite.headers.get(name.toLowerCase())}\r\n`;
    const head = field('Via') + field('From') + field('Call-ID') + field('CSeq');
    return Buffer.from(
      `SIP/2.0 ${status} Fine\r\n${head}To: <sip:bob@192.0.2.9>;tag=${tag}\r\nContact: <sip:${tag}@192.0.2.9>\r\nContent-Length: 0\r\n\r\n`,
    );
  };

  it('takes the first 2xx, acknowledges and hangs up the others, and repeats each ACK', () => {
    const { network, agent, log } = subject();
    agent.dial(order('sip:bob@192.0.2.9'), log);
    network.deliver(response(network, 180, 'one'));
    network.deliver(response(network, 180, 'two'));
    network.deliver(response(network, 200, 'two'));
    network.deliver(response(network, 200, 'one'));
    network.deliver(response(network, 200, 'two'));
    network.deliver(response(network, 200, 'one'));
    const sent = network.requests.map((one) => `${one.method} ${one.toTag ?? ''}`);
    assert.deepEqual(sent, ['INVITE ', 'ACK two', 'ACK one', 'BYE one', 'ACK two', 'ACK one']);
    assert.deepEqual(log.names, ['progress', 'progress', 'answered']);
  });

  it('answers the challenge of a proxy with 407, keeping From tag and Call-ID', () => {
    const { network, agent, log } = subject();
    const credentials = { username: 'u', password: 'p' };
    agent.dial(order('sip:bob@192.0.2.9', { credentials }), log);
    const challenge = 'Proxy-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\nContent-Length';
    network.deliver(Buffer.from(response(network, 407, 'p').toString().replace('Content-Length', challenge)));
    const [first, ack, second] = network.requests;
    assert.equal(ack?.method, 'ACK');
    assert.equal(second?.callId, first?.callId);
    assert.equal(second?.fromTag, first?.fromTag);
    assert.equal(second?.toTag, null);
    assert.equal(second?.cseq.number, (first?.cseq.number ?? 0) + 1);
    assert.match(second?.headers.get('proxy-authorization') ?? '', /^Digest username="u", realm="r".*nc=00000001/);
  });
});
