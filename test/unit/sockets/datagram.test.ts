/** What both kinds of UDP socket promise. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { DatagramDelegate, DatagramSocket, SocketAddress } from '../../../worker/sockets/datagram.ts';
import { freePorts } from '../../support/free-ports.ts';
import { everySockets } from '../../support/media-sockets.ts';

interface Opened {
  readonly socket: DatagramSocket;
  readonly address: SocketAddress;
  readonly heard: { readonly bytes: Buffer; readonly source: SocketAddress }[];
}

for (const { kind, bind } of everySockets)
  describe(`UDP, ${kind} sockets`, () => {
    const open: DatagramSocket[] = [];
    afterEach(() => {
      for (const socket of open.splice(0)) socket.close();
    });

    async function opened(host = '127.0.0.1', more: Partial<DatagramDelegate> = {}): Promise<Opened> {
      const heard: Opened['heard'] = [];
      const port = await freePorts(2);
      const socket = await bind(host, port, {
        onDatagram: (bytes, { address, port }) => heard.push({ bytes: Buffer.from(bytes), source: { address, port } }),
        onError: (error) => assert.fail(error),
        ...more,
      });
      open.push(socket);
      return { socket, address: { address: host, port }, heard };
    }

    async function until(holds: () => boolean): Promise<void> {
      while (!holds()) await setImmediate();
    }

    it('carries datagrams of every length both ways, with who sent them', async () => {
      const one = await opened();
      const two = await opened();
      for (const length of [0, 1, 12, 172, 1472, 9000, 60_000]) {
        one.socket.send(Buffer.alloc(length, length), two.address);
        await until(() => two.heard.length === 1);
        const { bytes, source } = two.heard.pop() as Opened['heard'][0];
        assert.ok(bytes.equals(Buffer.alloc(length, length)), `${length} bytes`);
        assert.deepEqual(source, one.address);
        two.socket.send(bytes, source);
        await until(() => one.heard.length === 1);
        assert.ok(one.heard.pop()?.bytes.equals(bytes));
      }
    });

    it('tells two senders apart, turn by turn', async () => {
      const far = await opened();
      const [one, two] = [await opened(), await opened()];
      for (let turn = 0; turn < 50; turn++) {
        const { socket, address } = turn % 3 === 0 ? one : two;
        socket.send(Buffer.of(turn), far.address);
        await until(() => far.heard.length === turn + 1);
        assert.deepEqual(far.heard[turn]?.source, address);
      }
    });

    it('sends where each datagram is addressed, though none has left yet', async () => {
      const [one, two, three] = [await opened(), await opened(), await opened()];
      for (let turn = 0; turn < 20; turn++) one.socket.send(Buffer.of(turn), (turn % 2 === 0 ? two : three).address);
      await until(() => two.heard.length === 10 && three.heard.length === 10);
      assert.deepEqual(
        two.heard.map(({ bytes }) => bytes[0]),
        Array.from({ length: 10 }, (_, at) => at * 2),
      );
    });

    it('what was sent before the close leaves', async () => {
      const [one, two] = [await opened(), await opened()];
      one.socket.send(Buffer.from('last'), two.address);
      one.socket.close();
      one.socket.close();
      one.socket.send(Buffer.from('never'), two.address);
      await until(() => two.heard.length === 1);
      assert.equal(two.heard[0]?.bytes.toString(), 'last');
    });

    it('speaks IPv6', async () => {
      const [one, two] = [await opened('::1'), await opened('::1')];
      one.socket.send(Buffer.from('six'), two.address);
      await until(() => two.heard.length === 1);
      assert.deepEqual(two.heard[0]?.source, one.address);
    });

    it('a port that somebody has, and an address that is not ours, are refused by name', async () => {
      const { address } = await opened();
      const delegate = { onDatagram: () => {}, onError: () => {} };
      await assert.rejects(bind(address.address, address.port, delegate), { code: 'EADDRINUSE' });
      await assert.rejects(bind('192.0.2.1', address.port, delegate), { code: 'EADDRNOTAVAIL' });
    });

    it('goes on after what cannot be sent, which the native ones tell', async () => {
      const errors: Error[] = [];
      const one = await opened('127.0.0.1', { onError: (error) => errors.push(error) });
      const two = await opened();
      one.socket.send(Buffer.alloc(70_000), two.address);
      one.socket.send(Buffer.from('x'), two.address);
      await until(() => two.heard.length > 0);
      assert.equal(two.heard[0]?.bytes.toString(), 'x');
      if (kind === 'native') assert.match(String(errors), /EMSGSIZE/);
    });
  });
