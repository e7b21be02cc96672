/** What the transaction layer holds and what it does not, and for whom there is room. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { IncomingResponse } from '../../../worker/sip/message/message.ts';
import { type Arrival, TransactionLayer } from '../../../worker/sip/transaction/layer.ts';
import type { ServerTransaction } from '../../../worker/sip/transaction/server-transaction.ts';
import { ManualClock } from '../../support/clock.ts';
import { FakeNetwork } from '../../support/sip-network.ts';

const OURS = '<sip:us@example.com>;tag=ours';

/** A layer with room for four transactions, two of them kept for calls. What arrives is taken up and waits. */
class Bench {
  readonly network = new FakeNetwork();
  readonly clock = new ManualClock();
  readonly layer: TransactionLayer;
  readonly taken: ServerTransaction[] = [];
  cancelled = 0;
  onRequest = ({ open }: Arrival): void => {
    const transaction = open();
    transaction.user = { onCancel: () => this.cancelled++ };
    this.taken.push(transaction);
  };

  constructor() {
    const user = {
      onRequest: (arrival: Arrival) => this.onRequest(arrival),
      isOurs: ({ toTag }: { toTag: string | null }) => toTag === 'ours',
      onAck: () => {},
      onOrphanCancel: () => false,
      onStray: () => {},
    };
    this.layer = new TransactionLayer(this.network, this.clock, user, { transactions: 4, reserved: 2 });
    const onMalformed = (): void => assert.fail('malformed');
    this.network.start({ onMessage: (message, source) => this.layer.receive(message, source), onMalformed });
  }

  /** The answer to it, if there was one at once. */
  ask(method: string, name: string, to = '<sip:us@example.com>'): IncomingResponse | null {
    const before = this.network.responses.length;
    const lines = [
      `${method} sip:us@192.0.2.1 SIP/2.0`,
      `Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK${name}`,
      'From: <sip:x@example.com>;tag=theirs',
      `To: ${to}`,
      `Call-ID: ${name}`,
      `CSeq: 1 ${method}`,
    ];
    this.network.deliver(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`));
    return this.network.responses[before] ?? null;
  }
}

describe('room for transactions', () => {
  it('is kept for requests within calls: others get 503 before', () => {
    const bench = new Bench();
    assert.equal(bench.ask('INVITE', 'one'), null);
    assert.equal(bench.ask('INVITE', 'two'), null);
    const refused = bench.ask('INVITE', 'three');
    assert.deepEqual([refused?.status, refused?.headers.get('retry-after')], [503, '5']);
    assert.equal(bench.ask('BYE', 'four', OURS), null);
    assert.equal(bench.ask('INVITE', 'five', OURS), null);
    assert.equal(bench.taken.length, 4);
    assert.equal(bench.ask('BYE', 'six', OURS)?.status, 503);
    assert.equal(bench.layer.counts.overflowed, 2);
  });

  it('is not needed by a CANCEL', () => {
    const bench = new Bench();
    bench.ask('INVITE', 'one');
    for (const name of ['two', 'three', 'four']) bench.ask('BYE', name, OURS);
    assert.equal(bench.layer.counts.serverTransactions, 4);
    assert.equal(bench.ask('CANCEL', 'one')?.status, 200);
    assert.equal(bench.cancelled, 1);
    assert.equal(bench.ask('CANCEL', 'nobody')?.status, 481);
    assert.equal(bench.layer.counts.serverTransactions, 4);
  });
});

describe('an answer without a transaction', () => {
  it('is given again to the same request, with the same tag, and to another with another', () => {
    const bench = new Bench();
    bench.onRequest = ({ reply }) => reply({ code: 403 });
    const [first, again, other] = ['one', 'one', 'two'].map((name) => bench.ask('INVITE', name));
    assert.deepEqual([first?.status, again?.status, other?.status], [403, 403, 403]);
    assert.match(first?.toTag ?? '', /^[0-9a-f]{16}$/);
    assert.equal(again?.toTag, first?.toTag);
    assert.notEqual(other?.toTag, first?.toTag);
    assert.deepEqual([bench.layer.counts.serverTransactions, bench.clock.pending], [0, 0]);
  });

  it('has a tag that only this layer can tell', () => {
    const tags = [new Bench(), new Bench()].map((bench) => {
      bench.onRequest = ({ reply }) => reply({ code: 403 });
      return bench.ask('INVITE', 'one')?.toTag;
    });
    assert.notEqual(tags[0], tags[1]);
  });
});
