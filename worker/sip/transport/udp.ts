/** SIP over UDP: one socket, no state. Errors of single packets are the sender's affair, never fatal. */
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { mapped, plain } from './mapped.ts';

export interface UdpUser {
  onDatagram(bytes: Buffer, address: string, port: number): void;
  onTrouble(error: Error): void;
}

const RECEIVE_BUFFER = 2 * 1024 * 1024;

export class UdpTransport {
  readonly port: number;
  readonly #socket: Socket;
  /** Of IPv6: an IPv4 address as it is would be refused (EINVAL). */
  readonly #isV6: boolean;
  #closed = false;

  private constructor(socket: Socket, isV6: boolean) {
    this.#socket = socket;
    this.#isV6 = isV6;
    this.port = socket.address().port;
  }

  /** Binds; rejects when the address cannot be had. */
  static open(host: string, port: number): Promise<UdpTransport> {
    return new Promise((resolve, reject) => {
      const isV6 = isIPv6(host);
      const socket = createSocket({ type: isV6 ? 'udp6' : 'udp4', recvBufferSize: RECEIVE_BUFFER });
      socket.once('error', reject);
      socket.bind({ port, address: host }, () => {
        socket.removeListener('error', reject);
        resolve(new UdpTransport(socket, isV6));
      });
    });
  }

  /** Begins to hand packets over; to be called in the turn the socket was opened in. */
  start(user: UdpUser): void {
    this.#socket.on('error', (error) => user.onTrouble(error));
    this.#socket.on('message', (bytes, from) => user.onDatagram(bytes, plain(from.address), from.port));
  }

  send(bytes: Buffer, address: string, port: number, failed: () => void): void {
    if (this.#closed || port === 0) {
      queueMicrotask(failed);
      return;
    }
    this.#socket.send(bytes, port, this.#isV6 ? mapped(address) : address, (error) => {
      if (error) failed();
    });
  }

  close(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#closed = true;
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }
}
