/** UDP by the reactor: no buffer, no object and no call of ours for each packet but the one that takes it. */
import dns from 'node:dns';
import { isIP } from 'node:net';
import { rows } from './addon.ts';
import {
  type BindDatagram,
  type DatagramDelegate,
  type DatagramSocket,
  RECEIVE_BUFFER_BYTES,
  type SocketAddress,
} from './datagram.ts';
import { type Reactor, type RowTaker, systemError } from './reactor.ts';

export function nativeDatagrams(reactor: Reactor): BindDatagram {
  return async (host, port, delegate) => {
    const numeric = isIP(host) === 0 ? (await dns.promises.lookup(host, { family: 4 })).address : host;
    const socket = reactor.addon.openDatagram(numeric, port, RECEIVE_BUFFER_BYTES);
    if (socket < 0) throw systemError(socket, 'bind');
    return new NativeDatagram(reactor, socket, delegate);
  };
}

class NativeDatagram implements DatagramSocket, RowTaker {
  readonly #reactor: Reactor;
  readonly #socket: number;
  readonly #delegate: DatagramDelegate;
  /** Of all that comes, until another is told. */
  #source: SocketAddress = { address: '', port: 0 };
  /** Where the socket was aimed at. */
  #target: SocketAddress = { address: '', port: 0 };
  #open = true;

  constructor(reactor: Reactor, socket: number, delegate: DatagramDelegate) {
    this.#reactor = reactor;
    this.#socket = socket;
    this.#delegate = delegate;
    reactor.listen(socket, this);
  }

  onRow(row: number, a: number, b: number, c: number): void {
    const { arena } = this.#reactor;
    if (row === rows.datagram) this.#delegate.onDatagram(arena.subarray(a, a + b), this.#source);
    else if (row === rows.source) this.#source = { address: arena.toString('latin1', a, a + b), port: c };
  }

  send(bytes: Uint8Array, to: SocketAddress): void {
    if (!this.#open || (to !== this.#target && !this.#aim(to))) return;
    const failed = this.#reactor.addon.sendDatagram(this.#socket, bytes);
    if (failed < 0) this.#delegate.onError(systemError(failed, 'send'));
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#reactor.release(this.#socket);
  }

  #aim(to: SocketAddress): boolean {
    const { address, port } = this.#target;
    this.#target = to;
    if (to.address === address && to.port === port) return true;
    const failed = this.#reactor.addon.aim(this.#socket, to.address, to.port);
    if (failed < 0) this.#delegate.onError(systemError(failed, `send to ${to.address}:${to.port}`));
    return failed === 0;
  }
}
