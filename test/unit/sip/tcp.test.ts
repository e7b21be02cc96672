/** The bound on TCP connections, over real loopback sockets: who makes room for whom. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { systemClock } from '../../../shared/kernel/clock.ts';
import { silentLogger } from '../../../shared/kernel/log.ts';
import type { SipCall, SipInvitation } from '../../../worker/sip/sip-call.ts';
import type { Flow } from '../../../worker/sip/transaction/wire.ts';
import { TcpTransport } from '../../../worker/sip/transport/tcp.ts';
import { UserAgent } from '../../../worker/sip/user-agent.ts';
import { ManualClock } from '../../support/clock.ts';
import { CallLog } from '../../support/sip.ts';
import { FakeNetwork } from '../../support/sip-network.ts';

const LIMITS = { connectMs: 5_000, idleMs: 300_000, messageMs: 30_000, unsentBytes: 1_000_000 };
const PATIENCE_MS = 5_000;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const portOf = (server: Server): number => {
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
};

/** OPTIONS, named by its Call-ID. */
const message = (name: string): string =>
  [
    'OPTIONS sip:us@127.0.0.1 SIP/2.0',
    'Via: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK1',
    'From: <sip:x@example.com>;tag=theirs',
    'To: <sip:us@example.com>',
    `Call-ID: ${name}`,
    'CSeq: 1 OPTIONS',
    'Content-Length: 0',
    '\r\n',
  ].join('\r\n');

/** A transport with room for three connections of others and one of ours. */
class Bench {
  readonly transport: TcpTransport;
  /** By Call-ID, the port a message came from. */
  readonly heard = new Map<string, number>();
  readonly held = new Set<number>();
  readonly #news = new EventTarget();

  private constructor(transport: TcpTransport) {
    this.transport = transport;
    transport.start({
      onMessage: (result, _address, port) => {
        assert.ok(result.ok);
        this.heard.set(result.message.callId, port);
        this.#news.dispatchEvent(new Event(result.message.callId));
      },
      onBroken: (problem) => assert.fail(problem),
      onTrouble: (error) => assert.fail(error),
      isHeld: (_address, port) => this.held.has(port),
    });
  }

  static async open(): Promise<Bench> {
    const limits = { ...LIMITS, connections: 4, inbound: 3 };
    const bench = new Bench(await TcpTransport.open('127.0.0.1', 0, systemClock, limits));
    closers.push(() => bench.transport.close());
    return bench;
  }

  async join(): Promise<Socket> {
    const socket = connect(this.transport.port, '127.0.0.1');
    closers.push(() => socket.destroy());
    socket.on('error', () => {});
    await once(socket, 'connect');
    return socket;
  }

  /** Says something; it was heard when the promise resolves. */
  async say(socket: Socket, name: string): Promise<void> {
    const heard = once(this.#news, name, { signal: AbortSignal.timeout(PATIENCE_MS) });
    socket.write(message(name));
    await heard;
  }

  /** Sends to a listener of its own; what that one hears, or null when it was not sent. */
  async send(): Promise<string | null> {
    const server = createServer();
    closers.push(() => server.close());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const failed = new Promise<null>((resolve) =>
      this.transport.send(Buffer.from('BYE'), '127.0.0.1', portOf(server), () => resolve(null)),
    );
    const arrived = once(server, 'connection', { signal }).then(async ([socket]: Socket[]) => {
      assert.ok(socket);
      closers.push(() => socket.destroy());
      const [bytes] = await once(socket, 'data', { signal });
      return String(bytes);
    });
    return Promise.race([failed, arrived]);
  }
}

const closed = (socket: Socket): Promise<unknown> =>
  socket.closed ? Promise.resolve() : once(socket, 'close', { signal: AbortSignal.timeout(PATIENCE_MS) });

describe('when there are as many TCP connections as there may be', () => {
  it('the one that said nothing for the longest makes room for a new one', async () => {
    const bench = await Bench.open();
    const [first, second, third] = [await bench.join(), await bench.join(), await bench.join()];
    for (const [at, one] of [first, second, third, first].entries()) await bench.say(one, `message ${at}`);
    const gone = closed(second);
    const fourth = await bench.join();
    await gone;
    await bench.say(fourth, 'fourth');
    await bench.say(first, 'first');
    await bench.say(third, 'third');
    assert.equal(bench.transport.connections, 3);
  });

  it('one that a call came by stays, and a new one is refused when all are', async () => {
    const bench = await Bench.open();
    const all = [await bench.join(), await bench.join(), await bench.join()];
    for (const [at, one] of all.entries()) await bench.say(one, `message ${at}`);
    bench.held.add(bench.heard.get('message 0') ?? 0);
    const [first, second, third] = all;
    assert.ok(first && second && third);
    const gone = closed(second);
    await bench.say(await bench.join(), 'fourth');
    await gone;
    for (const name of ['message 2', 'fourth']) bench.held.add(bench.heard.get(name) ?? 0);
    await closed(await bench.join());
    await bench.say(first, 'first');
    await bench.say(third, 'third');
  });

  it('strangers leave room for whom we turn to, and make more of it', async () => {
    const bench = await Bench.open();
    const [first] = [await bench.join(), await bench.join(), await bench.join()];
    await bench.say(await bench.join(), 'fourth');
    await closed(first);
    assert.equal(bench.transport.connections, 3);
    assert.equal(await bench.send(), 'BYE');
    assert.equal(await bench.send(), 'BYE');
    assert.equal(bench.transport.connections, 4);
  });

  it('we turn to nobody new when calls came by all of them', async () => {
    const bench = await Bench.open();
    for (const name of ['one', 'two', 'three']) {
      await bench.say(await bench.join(), name);
      bench.held.add(bench.heard.get(name) ?? 0);
    }
    assert.equal(await bench.send(), 'BYE');
    assert.equal(await bench.send(), null);
  });
});

describe('what the transport is told is held', () => {
  class Asked extends FakeNetwork {
    isHeld: (flow: Flow) => boolean = () => assert.fail('not started');

    override start(user: Parameters<FakeNetwork['start']>[0]): void {
      super.start(user);
      this.isHeld = (flow) => user.isHeld?.(flow) ?? false;
    }
  }
  const flow = { transport: 'udp', address: '192.0.2.9', port: 5_060 } as const;
  const invite = (callId: string): Buffer =>
    Buffer.from(
      message(callId)
        .replaceAll('OPTIONS', 'INVITE')
        .replace('z9hG4bK1', `z9hG4bK${callId}`)
        .replace('CSeq', 'Contact: <sip:x@192.0.2.9>\r\nCSeq'),
    );

  it('is where calls came from, until the last of them is over', () => {
    const network = new Asked();
    const calls: SipCall[] = [];
    const delegate = { onInvite: (one: SipInvitation) => void calls.push(one.accept(new CallLog())) };
    new UserAgent(network, 'test', delegate, new ManualClock(), silentLogger);
    assert.equal(network.isHeld(flow), false);
    network.deliver(invite('one'));
    network.deliver(invite('two'));
    assert.equal(network.isHeld(flow), true);
    assert.equal(network.isHeld({ ...flow, port: 5_061 }), false);
    calls[0]?.reject(486, 'Busy Here');
    assert.equal(network.isHeld(flow), true);
    calls[1]?.reject(486, 'Busy Here');
    assert.equal(network.isHeld(flow), false);
  });
});
