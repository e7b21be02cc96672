/** Callers behind a NAT: requests within the dialog go back the way theirs came, and not to a Contact nobody reaches. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLogger } from '../../../shared/kernel/log.ts';
import { isBehindNat, isTranslated } from '../../../worker/sip/dialog/nat.ts';
import { HeaderList } from '../../../worker/sip/message/headers.ts';
import { parseVia } from '../../../worker/sip/message/via.ts';
import { RequestSender } from '../../../worker/sip/session/sender.ts';
import type { SipCall, SipTransport } from '../../../worker/sip/sip-call.ts';
import { TransactionLayer } from '../../../worker/sip/transaction/layer.ts';
import { Resolver, systemNames } from '../../../worker/sip/transport/resolve.ts';
import { UserAgent } from '../../../worker/sip/user-agent.ts';
import { ManualClock } from '../../support/clock.ts';
import { ANSWER, CallLog, OFFER } from '../../support/sip.ts';
import { FakeNetwork } from '../../support/sip-network.ts';

const OUTSIDE = '198.51.100.7';

describe('whether a caller is behind a NAT', () => {
  const rows: readonly (readonly [what: string, contact: string, source: string, via: string, verdict: boolean])[] = [
    ['a private Contact, from outside', '192.168.1.5', OUTSIDE, '192.168.1.5', true],
    ['a private Contact, by a proxy that is not in the route set', '10.0.0.5', OUTSIDE, OUTSIDE, true],
    ['a carrier-grade NAT', '100.64.3.4', OUTSIDE, '100.64.3.4', true],
    ['IPv6 of a site', '[fd00::5]', '2001:db8::7', '[fd00::5]', true],
    ['a private Contact, from another private network', '10.0.0.5', '192.168.1.1', '10.0.0.5', true],
    ['a private network without NAT', '10.0.0.5', '10.0.0.5', '10.0.0.5', false],
    ['another machine of a private network', '10.0.0.5', '10.0.0.6', '10.0.0.6', false],
    ['a Contact that is where it came from', OUTSIDE, OUTSIDE, '192.168.1.5', false],
    ['another public machine', '203.0.113.5', OUTSIDE, OUTSIDE, false],
    ['another public machine, and a Via that was completed', '203.0.113.5', OUTSIDE, '203.0.113.5', true],
    ['another public machine, and a name in Via', '203.0.113.5', OUTSIDE, 'sbc.example.com', false],
    ['a name in Contact', 'phone.example.com', OUTSIDE, '10.0.0.5', false],
  ];
  for (const [what, contact, address, sentBy, verdict] of rows) {
    it(`${what}: ${verdict ? 'yes' : 'no'}`, () => {
      const via = parseVia(`SIP/2.0/UDP ${sentBy}:5060;branch=z9hG4bK1`);
      assert.ok(via);
      const flow = { transport: 'udp', address, port: 4_321 } as const;
      const dialog = {
        routeSet: [],
        remoteTarget: `sip:x@${contact}:5060`,
        flow,
        translated: isTranslated({ via }, flow),
      };
      assert.equal(isBehindNat(dialog), verdict);
      assert.equal(isBehindNat({ ...dialog, routeSet: ['<sip:proxy.example.com;lr>'] }), false);
    });
  }
});

const PHONE = { transport: 'udp', address: OUTSIDE, port: 4_321 } as const;

/** A call of a phone at 192.168.1.5, which comes from 198.51.100.7:4321. */
class Natted {
  readonly network = new FakeNetwork();
  readonly clock = new ManualClock();
  readonly log = new CallLog();
  call: SipCall | null = null;
  #branch = 0;

  constructor() {
    const delegate = {
      onInvite: (invitation: { accept(log: CallLog): SipCall }): void => {
        this.call = invitation.accept(this.log);
        this.call.answer(ANSWER);
      },
    };
    new UserAgent(this.network, 'test', delegate, this.clock, silentLogger);
    this.#say('INVITE', '<sip:us@example.com>', OFFER);
    this.#say('ACK', `<sip:us@example.com>;tag=${this.network.responses.at(-1)?.toTag}`, '');
    assert.deepEqual(this.log.names, ['acked']);
    this.network.sent.length = 0;
  }

  #say(method: string, to: string, body: string): void {
    const lines = [
      `${method} sip:us@192.0.2.1 SIP/2.0`,
      `Via: SIP/2.0/UDP 192.168.1.5:5060;branch=z9hG4bK${++this.#branch};rport`,
      'From: <sip:x@example.com>;tag=theirs',
      `To: ${to}`,
      'Call-ID: natted',
      `CSeq: 1 ${method}`,
      'Contact: <sip:x@192.168.1.5:5060>',
      ...(body === '' ? [] : ['Content-Type: application/sdp']),
      `Content-Length: ${Buffer.byteLength(body)}`,
    ];
    this.network.deliver(Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`), PHONE.address, PHONE.port);
  }
}

/** Their 200 to our latest request. */
function accept(network: FakeNetwork, body: string): void {
  const request = network.requests.at(-1);
  assert.ok(request);
  const head = ['Via', 'From', 'To', 'Call-ID', 'CSeq']
    .map((name) => `${name}: ${request.headers.get(name.toLowerCase())}\r\n`)
    .join('');
  const text = `SIP/2.0 200 OK\r\n${head}Contact: <sip:x@192.168.1.5:5060>\r\nContent-Type: application/sdp\r\n\r\n${body}`;
  network.deliver(Buffer.from(text), PHONE.address, PHONE.port);
}

describe('a phone behind a NAT', () => {
  it('gets our BYE at once, addressed to its Contact', () => {
    const { network, call } = new Natted();
    call?.hangup();
    assert.deepEqual([network.requests[0]?.method, network.requests[0]?.uri], ['BYE', 'sip:x@192.168.1.5:5060']);
    assert.deepEqual(network.sent[0]?.to, PHONE);
  });

  it('gets a re-INVITE and its ACK, also from the process after a restart', () => {
    const { log, clock } = new Natted();
    const network = new FakeNetwork();
    const delegate = { onInvite: () => assert.fail('a new call') };
    const agent = new UserAgent(network, 'again', delegate, clock, silentLogger);
    const again = new CallLog();
    agent.restore(JSON.parse(JSON.stringify(log.data)), again).reoffer('v=0 moved');
    accept(network, 'v=0 fine');
    assert.deepEqual(again.entries, [['reanswered', 'v=0 fine']]);
    assert.deepEqual(
      network.sent.map(({ message, to }) => [message.kind === 'request' && message.method, to]),
      [
        ['INVITE', PHONE],
        ['ACK', PHONE],
      ],
    );
  });

  it('is asked at its Contact when the way it came by leads nowhere any more', () => {
    const { network, clock, call } = new Natted();
    call?.hangup();
    clock.advance(33_000);
    assert.deepEqual(network.sent.at(-1)?.to, { ...PHONE, address: '192.168.1.5', port: 5_060 });
  });

  it('is reached by the data of a version that did not look at Via', () => {
    const { log, clock } = new Natted();
    const data = JSON.parse(JSON.stringify(log.data));
    delete data.dialog.translated;
    const network = new FakeNetwork();
    const agent = new UserAgent(network, 'again', { onInvite: () => {} }, clock, silentLogger);
    agent.restore(data, new CallLog()).hangup();
    assert.deepEqual(network.sent[0]?.to, PHONE);
  });
});

describe('the way back over TCP', () => {
  const targetWhen = (isOpen: boolean, transport: SipTransport): string | undefined => {
    const network = new FakeNetwork();
    network.connected = () => isOpen;
    const clock = new ManualClock();
    const user = {
      onRequest: () => {},
      isOurs: () => false,
      onAck: () => {},
      onOrphanCancel: () => false,
      onStray: () => {},
    };
    const layer = new TransactionLayer(network, clock, user, { transactions: 10, reserved: 0 });
    const sender = new RequestSender(layer, network, new Resolver(systemNames, clock, () => 0));
    const hop = { host: '192.168.1.5', port: 5060, transport };
    const headers = HeaderList.of(
      ['from', '<sip:a@b>;tag=1'],
      ['to', '<sip:c@d>;tag=2'],
      ['call-id', 'x'],
      ['cseq', '1 BYE'],
    );
    const flow = { transport, address: OUTSIDE, port: 40_000 };
    const told = { onResponse: () => {}, onNoAnswer: () => {} };
    sender.send(
      { kind: 'request', method: 'BYE', uri: 'sip:c@d', headers, body: '' },
      { hop, flow, flowFirst: true },
      told,
    );
    return network.sent[0]?.to.address;
  };

  it('is the connection as long as it is open: nobody connects to behind a NAT', () => {
    assert.equal(targetWhen(true, 'tcp'), OUTSIDE);
    assert.equal(targetWhen(false, 'tcp'), '192.168.1.5');
    assert.equal(targetWhen(false, 'udp'), OUTSIDE);
  });
});
