/**
 * SIP over TCP: listens, connects on demand, and uses a connection again for whatever goes to the
 * same address and port, whoever opened it (RFC 3261 §18). Bounded in number; the idlest make room.
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

const LIMITS: ConnectionLimits = { connectMs: 5_000, idleMs: 300_000, messageMs: 30_000, unsentBytes: 1_048_576 };
const MAX_CONNECTIONS = 4_096;

export class TcpTransport {
  readonly port: number;
  readonly #server: Server;
  readonly #clock: Clock;
  readonly #limits: ConnectionLimits;
  readonly #connections = new Map<string, Connection>();
  #user: TcpUser | null = null;
  #closed = false;

  private constructor(server: Server, clock: Clock, limits: ConnectionLimits) {
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
    const connection = this.#connections.get(keyOf(address, port)) ?? this.#connect(address, port);
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
    if (this.#full || remoteAddress === undefined || remotePort === undefined) {
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    this.#keep(socket, plain(remoteAddress), remotePort);
  }

  #connect(address: string, port: number): Connection | null {
    if (this.#full || port === 0) return null;
    return this.#keep(connect({ host: address, port, family: isIPv6(address) ? 6 : 4 }), address, port);
  }

  get #full(): boolean {
    return this.#closed || this.#connections.size >= MAX_CONNECTIONS;
  }

  #keep(socket: Socket, address: string, port: number): Connection {
    const key = keyOf(address, port);
    const connection = new Connection(socket, { address, port }, this.#clock, this.#limits, {
      onMessage: (result) => this.#user?.onMessage(result, address, port),
      onBroken: (problem) => this.#user?.onBroken(problem, address, port),
      onClosed: (closed) => {
        if (this.#connections.get(key) === closed) this.#connections.delete(key);
      },
      isHeld: () => this.#user?.isHeld(address, port) ?? false,
    });
    this.#connections.set(key, connection);
    return connection;
  }
}

const keyOf = (address: string, port: number): string => `${address}|${port}`;
