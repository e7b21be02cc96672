/**
 * One TCP connection, ours or theirs: framing in, bounded writing out, closed when idle or stuck.
 * Owned by the TCP transport.
 */
import type { Duplex } from 'node:stream';
import type { Clock, Timer } from '../../../shared/kernel/clock.ts';
import type { ParseResult } from '../message/parse.ts';
import { StreamFramer } from './framing.ts';

/** What it needs of a socket. */
export type ByteStream = Duplex & { readonly connecting: boolean; setNoDelay(on?: boolean): unknown };

export interface ConnectionUser {
  onMessage(result: ParseResult, connection: Connection): void;
  onBroken(problem: string, connection: Connection): void;
  onClosed(connection: Connection): void;
  /** Whether a call that is up came by it: its keep-alives hold it open (RFC 5626 §4.4.1). */
  isHeld(connection: Connection): boolean;
}

export interface ConnectionLimits {
  readonly connectMs: number;
  /** No message either way for this long, and it is closed, unless it is held and kept alive. */
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
  readonly #socket: ByteStream;
  readonly #clock: Clock;
  readonly #limits: ConnectionLimits;
  readonly #user: ConnectionUser;
  readonly #framer: StreamFramer;
  #timer: Timer;
  /** The latest message; keep-alives cost the peer nothing and are no use. */
  #lastUse: number;
  #lastPing: number;
  #partialSince: number | null = null;
  /** Written but not confirmed by the socket: told when the connection dies. */
  readonly #unsent = new Set<Unsent>();
  #closed = false;

  constructor(
    socket: ByteStream,
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
      onMessage: (result) => {
        this.#lastUse = clock.monotonic();
        user.onMessage(result, this);
      },
      onPing: () => this.#pong(),
      onBroken: (problem) => this.#broken(problem),
    });
    this.#lastUse = clock.monotonic();
    this.#lastPing = this.#lastUse;
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
    this.#framer.push(chunk);
    if (this.#framer.buffered === 0) this.#partialSince = null;
    else this.#partialSince ??= this.#clock.monotonic();
  }

  /** What waits to be read tells the peer as much: pongs are not piled up behind it. */
  #pong(): void {
    if (this.#closed || this.#socket.writableLength > 0) return;
    this.#lastPing = this.#clock.monotonic();
    this.#socket.write('\r\n');
  }

  #broken(problem: string): void {
    this.#user.onBroken(problem, this);
    this.close();
  }

  /** One timer a connection: looks whether it is still connecting, stuck in a message, or idle. */
  #look(): void {
    const now = this.#clock.monotonic();
    const stuck = this.#partialSince !== null && now - this.#partialSince >= this.#limits.messageMs;
    if (this.#socket.connecting || stuck || this.#isIdle(now)) {
      this.close();
      return;
    }
    this.#timer = this.#clock.after(this.#limits.messageMs, () => this.#look());
  }

  #isIdle(now: number): boolean {
    const { idleMs } = this.#limits;
    if (now - this.#lastUse < idleMs) return false;
    return now - this.#lastPing >= idleMs || !this.#user.isHeld(this);
  }
}
