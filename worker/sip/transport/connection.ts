/**
 * One TCP connection, ours or theirs: framing in, bounded writing out, closed when idle or stuck.
 * Owned by the TCP transport.
 */
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../../shared/kernel/clock.ts';
import type { ParseResult } from '../message/parse.ts';
import { StreamFramer } from './framing.ts';

export interface ConnectionUser {
  onMessage(result: ParseResult, connection: Connection): void;
  onBroken(problem: string, connection: Connection): void;
  onClosed(connection: Connection): void;
}

export interface ConnectionLimits {
  readonly connectMs: number;
  /** No message either way for this long, and it is closed. */
  readonly idleMs: number;
  /** A half-received message may take this long to be complete. */
  readonly messageMs: number;
  /** Unsent bytes above this mean that the peer does not read. */
  readonly unsentBytes: number;
}

interface Unsent {
  readonly bytes: Buffer;
  readonly failed: () => void;
}

export class Connection {
  readonly address: string;
  readonly port: number;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #limits: ConnectionLimits;
  readonly #user: ConnectionUser;
  readonly #framer: StreamFramer;
  #timer: Timer;
  #lastUse: number;
  #partialSince: number | null = null;
  /** Written but not confirmed by the socket: told when the connection dies. */
  readonly #unsent = new Set<Unsent>();
  #closed = false;

  constructor(
    socket: Socket,
    far: { readonly address: string; readonly port: number },
    clock: Clock,
    limits: ConnectionLimits,
    user: ConnectionUser,
  ) {
    this.#socket = socket;
    this.address = far.address;
    this.port = far.port;
    this.#clock = clock;
    this.#limits = limits;
    this.#user = user;
    this.#framer = new StreamFramer({
      onMessage: (result) => user.onMessage(result, this),
      onPing: () => this.#pong(),
      onBroken: (problem) => this.#broken(problem),
    });
    this.#lastUse = clock.monotonic();
    this.#timer = clock.after(socket.connecting ? limits.connectMs : limits.messageMs, () => this.#look());
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', () => this.close());
    socket.on('end', () => this.close());
    socket.on('close', () => this.close());
  }

  get open(): boolean {
    return !this.#closed;
  }

  send(bytes: Buffer, failed: () => void): void {
    if (this.#closed || this.#socket.writableLength + bytes.length > this.#limits.unsentBytes) {
      queueMicrotask(failed);
      this.close();
      return;
    }
    const unsent: Unsent = { bytes, failed };
    this.#unsent.add(unsent);
    this.#lastUse = this.#clock.monotonic();
    this.#socket.write(bytes, (error) => {
      if (!error && this.#unsent.delete(unsent)) this.#lastUse = this.#clock.monotonic();
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer.cancel();
    this.#socket.destroy();
    this.#user.onClosed(this);
    const failures = [...this.#unsent];
    this.#unsent.clear();
    for (const { failed } of failures) failed();
  }

  #receive(chunk: Buffer): void {
    this.#lastUse = this.#clock.monotonic();
    this.#framer.push(chunk);
    if (this.#framer.buffered === 0) this.#partialSince = null;
    else this.#partialSince ??= this.#lastUse;
  }

  #pong(): void {
    if (!this.#closed) this.#socket.write('\r\n');
  }

  #broken(problem: string): void {
    this.#user.onBroken(problem, this);
    this.close();
  }

  /** One timer a connection: looks whether it is still connecting, stuck in a message, or idle. */
  #look(): void {
    const now = this.#clock.monotonic();
    const stuck = this.#partialSince !== null && now - this.#partialSince >= this.#limits.messageMs;
    if (this.#socket.connecting || stuck || now - this.#lastUse >= this.#limits.idleMs) {
      this.close();
      return;
    }
    this.#timer = this.#clock.after(this.#limits.messageMs, () => this.#look());
  }
}
