/** A stack bound to `::` and far ends that speak IPv4 only, over real loopback sockets. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, it } from 'node:test';
import { UdpTransport } from '../../../worker/sip/transport/udp.ts';
import { ANSWER, CallLog, openPhone, order, type Phone } from '../../support/sip.ts';

const hasV6 = Object.values(networkInterfaces()).some((list) => list?.some((one) => one.address === '::1'));
const skip = hasV6 ? false : 'this machine has no IPv6';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

interface Heard {
  readonly text: string;
  readonly address: string;
  readonly port: number;
}

/** A socket at `host` and what it hears next. */
async function opened(host: string): Promise<{ readonly transport: UdpTransport; heard(): Promise<Heard> }> {
  const transport = await UdpTransport.open(host, 0);
  closers.push(() => transport.close());
  const news = new EventTarget();
  transport.start({
    onDatagram: (bytes, address, port) =>
      void news.dispatchEvent(new CustomEvent('heard', { detail: { text: bytes.toString(), address, port } })),
    onTrouble: (error) => assert.fail(error),
  });
  const signal = AbortSignal.timeout(5_000);
  return {
    transport,
    heard: async () => {
      const [event] = await once(news, 'heard', { signal });
      return event.detail;
    },
  };
}

describe('bound to both families', { skip }, () => {
  it('sends UDP to an IPv4 address and hears from one, spelt as itself', async () => {
    const both = await opened('::');
    const four = await opened('127.0.0.1');
    const atFour = four.heard();
    const atBoth = both.heard();
    both.transport.send(Buffer.from('there'), '127.0.0.1', four.transport.port, () => assert.fail('not sent'));
    assert.deepEqual(await atFour, { text: 'there', address: '127.0.0.1', port: both.transport.port });
    four.transport.send(Buffer.from('back'), '127.0.0.1', both.transport.port, () => assert.fail('not sent'));
    assert.deepEqual(await atBoth, { text: 'back', address: '127.0.0.1', port: four.transport.port });
  });

  it('sends UDP to IPv6 as before', async () => {
    const both = await opened('::');
    const six = await opened('::1');
    const heard = six.heard();
    both.transport.send(Buffer.from('there'), '::1', six.transport.port, () => assert.fail('not sent'));
    assert.deepEqual(await heard, { text: 'there', address: '::1', port: both.transport.port });
  });

  for (const transport of ['udp', 'tcp'] as const) {
    it(`calls a phone at an IPv4 address over ${transport}`, async () => {
      const phone = async (host: string, log: CallLog): Promise<Phone> => {
        const one = await openPhone((invitation) => invitation.accept(log).answer(ANSWER), host);
        closers.push(() => one.agent.close(0));
        return one;
      };
      const [near, far] = [new CallLog(), new CallLog()];
      const ours = await phone('::', new CallLog());
      const theirs = await phone('127.0.0.1', far);
      const call = ours.agent.dial(order(theirs.uri('bob'), { transport }), near);
      await near.until('answered');
      await far.until('acked');
      call.hangup();
      assert.deepEqual(await far.until('ended'), ['ended', 'bye', null]);
      await near.until('gone');
    });
  }
});
