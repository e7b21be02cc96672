/**
 * SIP over TCP: listens, connects on demand, and uses a connection again for whatever goes to the
 * same address and port, whoever opened it (RFC 3261 §18). Bounded in number: of those that others opened
 * the idlest make room, but for those of calls that are up, and they never take the share of our own.
 */
import { connect, createServer, isIPv6, type Server, type Socket } from 'node:net';
import type { Clock } from '../../../shared/kernel/clock.ts';
import type { ParseResult } from '../message/parse.ts';
import { Connection, type ConnectionLimits } from './connection.ts';
import { plain } from './mapped.ts';

export interface TcpUser {
  onMessage(result: ParseResult, address: string, port: number): void;
  onBroken(problem: string, address: string, port: number): void;
  onTrouble(error: Error): void;
  /** Whether a call that is up came by this connection. */
  isHeld(address: string, port: number): boolean;
}

export interface TcpLimits extends ConnectionLimits {
  readonly connections: number;
  /** Of these, opened by others. */
  readonly inbound: number;
}

const LIMITS: TcpLimits = {
  connectMs: 5_000,
  idleMs: 300_000,
  messageMs: 30_000,
  unsentBytes: 1_048_576,
  connections: 4_096,
  inbound: 3_584,
};

export class TcpTransport {
  readonly port: number;
  readonly #server: Server;
  readonly #clock: Clock;
  readonly #limits: TcpLimits;
  readonly #connections = new Map<string, Connection>();
  /** Those that others opened, the idlest first. */
  readonly #inbound = new Map<string, Connection>();
  #user: TcpUser | null = null;
  #closed = false;

  private constructor(server: Server, clock: Clock, limits: TcpLimits) {
    this.#server = server;
    this.#clock = clock;
    this.#limits = limits;
    const address = server.address();
    this.port = typeof address === 'object' && address ? address.port : 0;
  }

  /** Listens; rejects when the address cannot be had. */
  static open(host: string, port: number, clock: Clock, limits = LIMITS): Promise<TcpTransport> {
    return new Promise((resolve, reject) => {
      const server = createServer({ allowHalfOpen: false });
      server.once('error', reject);
      server.listen({ host, port }, () => {
        server.removeListener('error', reject);
        resolve(new TcpTransport(server, clock, limits));
      });
    });
  }

  get connections(): number {
    return this.#connections.size;
  }

  start(user: TcpUser): void {
    this.#user = user;
    this.#server.on('error', (error) => user.onTrouble(error));
    this.#server.on('connection', (socket) => this.#accept(socket));
  }

  /** Whether a connection to there is open. */
  connected(address: string, port: number): boolean {
    return this.#connections.has(keyOf(address, port));
  }

  send(bytes: Buffer, address: string, port: number, failed: () => void): void {
    const key = keyOf(address, port);
    const connection = this.#connections.get(key) ?? this.#connect(address, port);
    this.#used(key);
    if (connection) connection.send(bytes, failed);
    else queueMicrotask(failed);
  }

  close(): Promise<void> {
    this.#closed = true;
    for (const connection of [...this.#connections.values()]) connection.close();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #accept(socket: Socket): void {
    const { remoteAddress, remotePort } = socket;
    const isOver = this.#closed || remoteAddress === undefined || remotePort === undefined;
    const isFull = this.#inbound.size >= this.#limits.inbound || this.#connections.size >= this.#limits.connections;
    if (isOver || (isFull && !this.#makeRoom())) {
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    const address = plain(remoteAddress);
    this.#inbound.set(keyOf(address, remotePort), this.#keep(socket, address, remotePort));
  }

  #connect(address: string, port: number): Connection | null {
    if (this.#closed || port === 0) return null;
    if (this.#connections.size >= this.#limits.connections && !this.#makeRoom()) return null;
    return this.#keep(connect({ host: address, port, family: isIPv6(address) ? 6 : 4 }), address, port);
  }

  /** Closes the idlest that others opened and no call holds; false when there is none. */
  #makeRoom(): boolean {
    let left = this.#inbound.size;
    for (const [key, connection] of this.#inbound) {
      // Those that are held were put behind it.
      if (left-- === 0) return false;
      if (!this.#user?.isHeld(connection.address, connection.port)) {
        connection.close();
        return true;
      }
      this.#used(key);
    }
    return false;
  }

  #used(key: string): void {
    const connection = this.#inbound.get(key);
    if (!connection) return;
    this.#inbound.delete(key);
    this.#inbound.set(key, connection);
  }

  #keep(socket: Socket, address: string, port: number): Connection {
    const key = keyOf(address, port);
    const connection = new Connection(socket, { address, port }, this.#clock, this.#limits, {
      onMessage: (result) => {
        this.#used(key);
        this.#user?.onMessage(result, address, port);
      },
      onBroken: (problem) => this.#user?.onBroken(problem, address, port),
      onClosed: (closed) => {
        if (this.#connections.get(key) === closed) this.#connections.delete(key);
        if (this.#inbound.get(key) === closed) this.#inbound.delete(key);
      },
      isHeld: () => this.#user?.isHeld(address, port) ?? false,
    });
    this.#connections.set(key, connection);
    return connection;
  }
}

const keyOf = (address: string, port: number): string => `${address}|${port}`;
