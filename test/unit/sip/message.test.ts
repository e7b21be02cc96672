/** Reading and writing messages: round trips, tolerance, and mutations that must never throw. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { silentLogger } from '../../../shared/kernel/log.ts';
import { formatAddress, parseAddress } from '../../../worker/sip/message/address.ts';
import { HeaderList } from '../../../worker/sip/message/headers.ts';
import type { SipRequest } from '../../../worker/sip/message/message.ts';
import { parseDatagram } from '../../../worker/sip/message/parse.ts';
import { serialise } from '../../../worker/sip/message/serialise.ts';
import { escapeUser, parseUri } from '../../../worker/sip/message/uri.ts';
import { StreamFramer } from '../../../worker/sip/transport/framing.ts';
import { UserAgent } from '../../../worker/sip/user-agent.ts';
import { ManualClock } from '../../support/clock.ts';
import { ANSWER, CallLog, OFFER } from '../../support/sip.ts';
import { FakeNetwork } from '../../support/sip-network.ts';

const INVITE = `INVITE sip:bob@192.0.2.1 SIP/2.0\r
Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKabc;rport\r
Max-Forwards: 70\r
From: "Alice" <sip:alice@example.com>;tag=1\r
To: <sip:bob@example.com>\r
Call-ID: fuzz\r
CSeq: 1 INVITE\r
Record-Route: <sip:p1.example.com;lr>, <sip:p2.example.com;lr>\r
Contact: <sip:alice@192.0.2.9:5060;transport=udp>\r
Authorization: Digest username="u", realm="r", nonce="n", uri="sip:x", response="0"\r
Content-Type: application/sdp\r
Content-Length: ${OFFER.length}\r
\r
${OFFER}`;

const options = (number: number): Buffer =>
  Buffer.from(
    `OPTIONS sip:us@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKopt${number};rport\r\nFrom: <sip:a@b>;tag=${number}\r\nTo: <sip:us@b>\r\nCall-ID: opt${number}\r\nCSeq: 1 OPTIONS\r\n\r\n`,
  );

/** A small seeded generator, so that a failure can be run again. */
function lots(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const PIECES = [
  '\r\n',
  '\n',
  '\0',
  '"',
  '<',
  '>',
  ';',
  ',',
  ':',
  ' ',
  '%',
  '\\',
  '99999999999',
  '\u00ff',
  ';tag=',
  'SIP/2.0',
];

function mutated(text: string, lot: (below: number) => number): Buffer {
  let current = text;
  for (let round = 1 + lot(4); round > 0; round--) {
    const at = lot(current.length);
    const piece = PIECES[lot(PIECES.length)] ?? '';
    const kind = lot(4);
    if (kind === 0) current = current.slice(0, at) + piece + current.slice(at);
    else if (kind === 1) current = current.slice(0, at) + current.slice(at + 1 + lot(20));
    else if (kind === 2) current = current.slice(0, at) + String.fromCharCode(lot(256)) + current.slice(at + 1);
    else current = current.slice(0, at) + current.slice(lot(current.length));
  }
  return Buffer.from(current, lot(2) === 0 ? 'utf8' : 'latin1');
}

describe('mutations', () => {
  it('neither throw nor stop a user agent from answering OPTIONS', () => {
    const lot = lots(20_261_123);
    const network = new FakeNetwork();
    const clock = new ManualClock();
    const delegate = {
      onInvite: (invitation: { accept(log: CallLog): { answer(sdp: string): void } }) =>
        invitation.accept(new CallLog()).answer(ANSWER),
    };
    const agent = new UserAgent(network, 'test', delegate, clock, silentLogger);
    const samples = ['INVITE', 'BYE', 'CANCEL', 'ACK', 'OPTIONS', 'UPDATE'].map((method) =>
      INVITE.replaceAll('INVITE', method),
    );
    samples.push(INVITE.replace('INVITE sip:bob@192.0.2.1 SIP/2.0', 'SIP/2.0 200 OK'));
    let broken = 0;
    for (let round = 0; round < 1_500; round++) {
      if (!network.deliver(mutated(samples[lot(samples.length)] ?? INVITE, lot))) broken++;
      if (round % 25 === 0) {
        clock.advance(70_000);
        network.sent.length = 0;
      }
    }
    assert.ok(broken > 150, `only ${broken} were broken`);
    assert.equal(agent.counts.malformed, broken);
    network.sent.length = 0;
    network.deliver(options(1));
    assert.deepEqual(network.lines, ['200 OPTIONS']);
    clock.advance(200_000);
    assert.deepEqual([agent.counts.serverTransactions, agent.counts.clientTransactions, clock.pending], [0, 0, 0]);
  });

  it('any bytes at all come back as a problem or a message', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const result = parseDatagram(Buffer.from(bytes));
        assert.ok(result.ok || result.problem !== '');
      }),
      { numRuns: 500, seed: 7 },
    );
  });
});

const token = fc.stringMatching(/^[A-Za-z0-9.!%*_+~-]{1,20}$/);
const value = fc.stringMatching(/^[A-Za-z0-9;=<>:@ ,"é-]{0,40}$/).map((text) => text.trim());

describe('round trips', () => {
  it('parse(serialise(request)) is the request', () => {
    const requests = fc.record({
      method: token,
      user: token,
      tag: token,
      callId: token,
      body: fc.string(),
      extra: fc.array(fc.tuple(token, value)),
    });
    fc.assert(
      fc.property(requests, ({ method, user, tag, callId, body, extra }) => {
        const headers = HeaderList.of(
          ['via', 'SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx'],
          ['from', `<sip:a@b>;tag=${tag}`],
          ['to', '<sip:c@d>'],
          ['call-id', callId],
          ['cseq', `1 ${method}`],
        );
        for (const [name, text] of extra) headers.add(`x-${name.toLowerCase()}`, text);
        const request: SipRequest = { kind: 'request', method, uri: `sip:${user}@h`, headers, body };
        const result = parseDatagram(serialise(request));
        assert.ok(result.ok, result.ok ? '' : result.problem);
        const back = result.message;
        assert.ok(back.kind === 'request');
        assert.deepEqual([back.method, back.uri, back.body], [method, request.uri, Buffer.from(body).toString()]);
        back.headers.remove('content-length');
        assert.deepEqual(back.headers.toJSON(), headers.toJSON());
        assert.equal(back.fromTag, tag);
      }),
      { numRuns: 300, seed: 11 },
    );
  });

  it('any display name and user survive', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.stringMatching(/^[A-Za-z0-9+#äß@ -]{1,20}$/), (name, user) => {
        const clean = name.replace(/[\r\n]+/g, ' ');
        const address = parseAddress(formatAddress(clean, `sip:${escapeUser(user)}@host`));
        assert.equal(address?.displayName, clean);
        assert.equal(parseUri(address?.uri ?? '')?.user, user);
      }),
      { numRuns: 300, seed: 13 },
    );
  });

  it('a header value cannot add a header', () => {
    const headers = HeaderList.of(['subject', 'x\r\nEvil: yes']);
    const text = serialise({ kind: 'request', method: 'INVITE', uri: 'sip:a@b', headers, body: '' }).toString();
    assert.ok(!text.includes('\nEvil'));
  });
});

describe('URIs', () => {
  const rows: readonly (readonly [string, object | null])[] = [
    [
      'sip:+15550100001@carrier.example',
      { scheme: 'sip', user: '+15550100001', host: 'carrier.example', port: null, parameters: {} },
    ],
    [
      'sip:a:pw@h:5070;transport=tcp;lr?x=y',
      { scheme: 'sip', user: 'a', host: 'h', port: 5070, parameters: { transport: 'tcp', lr: '' } },
    ],
    ['sip:[2001:db8::1]:5060', { scheme: 'sip', user: null, host: '2001:db8::1', port: 5060, parameters: {} }],
    [
      'tel:+1-555;phone-context=x',
      { scheme: 'tel', user: '+1-555', host: '', port: null, parameters: { 'phone-context': 'x' } },
    ],
    [
      'sip:h;__proto__=1',
      { scheme: 'sip', user: null, host: 'h', port: null, parameters: JSON.parse('{"__proto__":"1"}') },
    ],
    ['sip:@h', null],
    ['sip:u@h:99999', null],
    ['sip:u@', null],
    ['http://h', null],
  ];
  for (const [text, expected] of rows) it(text, () => assert.deepEqual(parseUri(text), expected));
});

describe('framing of a stream', () => {
  const collect = (): { framer: StreamFramer; seen: string[] } => {
    const seen: string[] = [];
    const framer = new StreamFramer({
      onMessage: (result) =>
        seen.push(result.ok ? `${result.message.callId} ${result.message.body.length}` : result.problem),
      onPing: () => seen.push('ping'),
      onBroken: (problem) => seen.push(`broken: ${problem}`),
    });
    return { framer, seen };
  };

  it('finds messages however the bytes are cut', () => {
    const all = Buffer.concat([Buffer.from(INVITE), Buffer.from('\r\n\r\n'), Buffer.from(INVITE)]);
    for (const size of [1, 7, 100, all.length]) {
      const { framer, seen } = collect();
      for (let at = 0; at < all.length; at += size) framer.push(all.subarray(at, at + size));
      assert.deepEqual(
        seen.filter((one) => one !== 'ping'),
        [`fuzz ${OFFER.length}`, `fuzz ${OFFER.length}`],
      );
      assert.equal(seen.filter((one) => one === 'ping').length, 1, `cut in ${size}`);
      assert.equal(framer.buffered, 0);
    }
  });

  it('is broken by an endless header and by a senseless length', () => {
    const endless = collect();
    for (let round = 0; round < 70; round++) endless.framer.push(Buffer.alloc(1_024, 'x'));
    assert.deepEqual(endless.seen, ['broken: header section is too long']);
    assert.equal(endless.framer.buffered, 0);
    const senseless = collect();
    senseless.framer.push(Buffer.from(INVITE.replace(/Content-Length: \d+/, 'Content-Length: 99999999')));
    assert.equal(senseless.seen.at(-1), 'broken: Content-Length makes no sense');
  });
});
