/** SIP over UDP: one socket, no state. Errors of single packets are the sender's affair, never fatal. */
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';

export interface UdpUser {
  onDatagram(bytes: Buffer, address: string, port: number): void;
  onTrouble(error: Error): void;
}

const RECEIVE_BUFFER = 2 * 1024 * 1024;

export class UdpTransport {
  readonly port: number;
  readonly #socket: Socket;
  #closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.port = socket.address().port;
  }

  /** Binds; rejects when the address cannot be had. */
  static open(host: string, port: number): Promise<UdpTransport> {
    return new Promise((resolve, reject) => {
      const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4', recvBufferSize: RECEIVE_BUFFER });
      socket.once('error', reject);
      socket.bind({ port, address: host }, () => {
        socket.removeListener('error', reject);
        resolve(new UdpTransport(socket));
      });
    });
  }

  /** Begins to hand packets over; to be called in the turn the socket was opened in. */
  start(user: UdpUser): void {
    this.#socket.on('error', (error) => user.onTrouble(error));
    this.#socket.on('message', (bytes, from) => user.onDatagram(bytes, from.address, from.port));
  }

  send(bytes: Buffer, address: string, port: number, failed: () => void): void {
    if (this.#closed || port === 0) {
      queueMicrotask(failed);
      return;
    }
    this.#socket.send(bytes, port, address, (error) => {
      if (error) failed();
    });
  }

  close(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#closed = true;
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }
}
