/** Dialogs as data: RFC 3261 §12 case by case, and where requests then go (RFC 3263). */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  acceptRequest,
  ackRequest,
  type Dialog,
  dialogFromRequest,
  dialogFromResponse,
  draftDialog,
  nextHopUri,
  nextRequest,
  requestRoute,
} from '../../../worker/sip/dialog/dialog.ts';
import type { IncomingRequest, IncomingResponse } from '../../../worker/sip/message/message.ts';
import { parseDatagram } from '../../../worker/sip/message/parse.ts';
import type { Flow } from '../../../worker/sip/transaction/wire.ts';
import { hopOf, orderSrv, Resolver, type SrvRecord } from '../../../worker/sip/transport/resolve.ts';
import { ManualClock } from '../../support/clock.ts';

const source: Flow = { transport: 'udp', address: '192.0.2.9', port: 5060 };

function message(start: string, ...fields: string[]): IncomingRequest | IncomingResponse {
  const head = ['Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1', 'Call-ID: c', ...fields].join('\r\n');
  const result = parseDatagram(Buffer.from(`${start}\r\n${head}\r\n\r\n`));
  assert.ok(result.ok, result.ok ? '' : result.problem);
  return result.message;
}

function request(start: string, ...fields: string[]): IncomingRequest {
  const one = message(start, ...fields);
  assert.ok(one.kind === 'request');
  return one;
}

const invite = (): IncomingRequest =>
  request(
    'INVITE sip:us@192.0.2.1 SIP/2.0',
    'From: "Far" <sip:far@example.com>;tag=far',
    'To: <sip:us@example.com>',
    'CSeq: 7 INVITE',
    'Record-Route: <sip:p1.example.com;lr>, <sip:p2.example.com;lr>',
    'Contact: <sip:far@192.0.2.9:5070>',
  );

const draft = (): Dialog =>
  draftDialog({
    callId: 'c',
    localTag: 'near',
    from: { uri: 'sip:us@example.com', displayName: 'We' },
    uri: 'sip:far@example.com',
    contact: '<sip:us@192.0.2.1>',
    transport: 'udp',
    firstCSeq: 100,
  });

function ok(): IncomingResponse {
  const one = message(
    'SIP/2.0 200 OK',
    'From: <sip:us@example.com>;tag=near',
    'To: <sip:far@example.com>;tag=far',
    'CSeq: 100 INVITE',
    'Record-Route: <sip:p1.example.com;lr>',
    'Record-Route: <sip:p2.example.com;lr>',
    'Contact: "x" <sip:far@192.0.2.9:5070>;q=1',
  );
  assert.ok(one.kind === 'response');
  return one;
}

describe('a dialog of theirs', () => {
  const dialog = dialogFromRequest(invite(), 'ours', '<sip:us@192.0.2.1>', source, 5);

  it('takes target, tags, numbers and the route set in order', () => {
    assert.equal(dialog.remoteTarget, 'sip:far@192.0.2.9:5070');
    assert.deepEqual([dialog.localTag, dialog.remoteTag, dialog.remoteCSeq], ['ours', 'far', 7]);
    assert.deepEqual(dialog.routeSet, ['<sip:p1.example.com;lr>', '<sip:p2.example.com;lr>']);
  });
  it('is plain data', () => assert.deepEqual(JSON.parse(JSON.stringify(dialog)), dialog));
  it('makes requests with From and To turned round', () => {
    const step = nextRequest(dialog, 'BYE');
    assert.equal(step.dialog.localCSeq, 5);
    assert.equal(step.request.headers.get('from'), '<sip:us@example.com>;tag=ours');
    assert.equal(step.request.headers.get('to'), '"Far" <sip:far@example.com>;tag=far');
    assert.equal(step.request.headers.get('cseq'), '5 BYE');
    assert.equal(nextRequest(step.dialog, 'INFO').request.headers.get('cseq'), '6 INFO');
  });
  it('takes requests in order only, and a new target with an INVITE or UPDATE', () => {
    const info = (number: number): IncomingRequest =>
      request(
        'INFO sip:us@192.0.2.1 SIP/2.0',
        'From: <sip:f@e>;tag=far',
        'To: <sip:u@e>;tag=ours',
        `CSeq: ${number} INFO`,
        'Contact: <sip:no@192.0.2.66>',
      );
    assert.equal(acceptRequest(dialog, info(6)), null);
    assert.equal(acceptRequest(dialog, info(9))?.remoteCSeq, 9);
    assert.equal(acceptRequest(dialog, info(9))?.remoteTarget, 'sip:far@192.0.2.9:5070');
    const update = request(
      'UPDATE sip:us@192.0.2.1 SIP/2.0',
      'From: <sip:f@e>;tag=far',
      'To: <sip:u@e>;tag=ours',
      'CSeq: 8 UPDATE',
      'Contact: <sip:new@192.0.2.66>',
    );
    assert.equal(acceptRequest(dialog, update)?.remoteTarget, 'sip:new@192.0.2.66');
  });
});

describe('a dialog of ours', () => {
  it('sends the first INVITE without tag to the order’s URI', () => {
    const { request: first } = nextRequest(draft(), 'INVITE', { body: 'v=0' });
    assert.equal(first.uri, 'sip:far@example.com');
    assert.equal(first.headers.get('to'), '<sip:far@example.com>');
    assert.equal(first.headers.get('from'), '"We" <sip:us@example.com>;tag=near');
    assert.equal(first.headers.get('cseq'), '100 INVITE');
    assert.equal(first.headers.get('content-type'), 'application/sdp');
  });
  it('turns the record-route of the answer round', () =>
    assert.deepEqual(dialogFromResponse(draft(), ok()).routeSet, [
      '<sip:p2.example.com;lr>',
      '<sip:p1.example.com;lr>',
    ]));
  it('acknowledges with the number of the INVITE', () => {
    const ack = ackRequest(dialogFromResponse(draft(), ok()), 100);
    assert.equal(ack.headers.get('cseq'), '100 ACK');
    assert.equal(ack.headers.get('to'), '<sip:far@example.com>;tag=far');
    assert.deepEqual(ack.headers.all('route'), ['<sip:p2.example.com;lr>', '<sip:p1.example.com;lr>']);
  });
});

describe('routes', () => {
  const remoteTarget = 'sip:far@192.0.2.9';
  const rows: readonly (readonly [string, readonly string[], string, readonly string[], string])[] = [
    ['none', [], remoteTarget, [], remoteTarget],
    ['loose', ['<sip:p1;lr>', '<sip:p2>'], remoteTarget, ['<sip:p1;lr>', '<sip:p2>'], 'sip:p1;lr'],
    ['strict', ['<sip:p1>', '<sip:p2;lr>'], 'sip:p1', ['<sip:p2;lr>', `<${remoteTarget}>`], 'sip:p1'],
    ['loose with a value', ['<sip:p1;lr=on>'], remoteTarget, ['<sip:p1;lr=on>'], 'sip:p1;lr=on'],
  ];
  for (const [name, routeSet, uri, routes, hop] of rows) {
    it(name, () => {
      assert.deepEqual(requestRoute({ routeSet, remoteTarget }), { uri, routes });
      assert.equal(nextHopUri({ routeSet, remoteTarget }), hop);
    });
  }
});

describe('where a name leads', () => {
  const srv = (name: string, priority: number, weight: number): SrvRecord => ({ name, port: 5_070, priority, weight });

  it('orders SRV by priority and draws by weight', () => {
    const records = [srv('c', 2, 0), srv('a', 1, 10), srv('b', 1, 90)];
    assert.deepEqual(
      orderSrv(records, () => 0).map((one) => one.name),
      ['a', 'b', 'c'],
    );
    assert.deepEqual(
      orderSrv(records, () => 0.5).map((one) => one.name),
      ['b', 'a', 'c'],
    );
  });

  const asked: string[] = [];
  const names = {
    srv: async (name: string) => {
      asked.push(name);
      return name === '_sip._udp.carrier.example' ? [srv('one.example', 1, 0), srv('two.example', 2, 0)] : [];
    },
    addresses: async (name: string) => {
      if (name === 'gone.example') throw new Error('ENOTFOUND');
      return name === 'one.example' ? ['192.0.2.11', '192.0.2.12'] : ['192.0.2.20'];
    },
  };
  const clock = new ManualClock();
  const resolver = new Resolver(names, clock, () => 0);
  const resolve = async (uri: string): Promise<string[]> => {
    const hop = hopOf(uri, 'udp');
    assert.ok(hop);
    return (await resolver.resolve(hop)).map((one) => `${one.transport} ${one.address}:${one.port}`);
  };

  it('asks SRV without a port, only addresses with one, nothing for an address', async () => {
    assert.deepEqual(await resolve('sip:x@carrier.example'), [
      'udp 192.0.2.11:5070',
      'udp 192.0.2.12:5070',
      'udp 192.0.2.20:5070',
    ]);
    asked.length = 0;
    assert.deepEqual(await resolve('sip:x@plain.example:5090;transport=tcp'), ['tcp 192.0.2.20:5090']);
    assert.deepEqual(await resolve('sip:x@192.0.2.5'), ['udp 192.0.2.5:5060']);
    assert.deepEqual(asked, []);
    assert.deepEqual(await resolve('sip:x@plain.example'), ['udp 192.0.2.20:5060']);
    assert.deepEqual(await resolve('sip:x@gone.example'), []);
  });

  it('gives a silent name server up after 3 s', async () => {
    const silent = { srv: () => new Promise<never>(() => {}), addresses: () => new Promise<never>(() => {}) };
    const hop = hopOf('sip:x@slow.example', 'udp');
    assert.ok(hop);
    const waiting = new Resolver(silent, clock, () => 0).resolve(hop);
    clock.advance(3_000);
    assert.deepEqual(await waiting, []);
  });

  it('does not go to sips, tel or unknown transports', () => {
    for (const uri of ['sips:a@b', 'tel:+1', 'sip:a@b;transport=ws']) assert.equal(hopOf(uri, 'udp'), null);
  });
});
