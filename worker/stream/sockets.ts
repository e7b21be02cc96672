/**
 * Which socket a stream lives on: the first, the one that is dialled again after a loss, and the one to a new URL until
 * it takes over (PROTOCOL §14.1, §14.6). Owned by the session, which says when to dial and is told what came of it.
 * What is read is bounded for each beat, so that one app cannot keep the thread from its other calls.
 */
import type { Clock, Timer } from '../../shared/kernel/clock.ts';
import type { Connect, Connection } from './connection.ts';
import type { Loss } from './failure.ts';

export interface SocketsDelegate {
  /** The socket in use is open. */
  onOpen(): void;
  /** The socket to a new URL is open and in use; `old` still is, and is the delegate's to say goodbye to and close. */
  onMoved(old: Connection, url: string): void;
  /** The socket to a new URL could not be opened; the old one stays in use. */
  onMoveFailed(loss: Loss): void;
  /** The socket in use is gone; `old` has what it did not send. */
  onGone(old: Connection, loss: Loss): void;
  onText(text: string): void;
  onBinary(bytes: Buffer): void;
}

export interface SocketsOptions {
  readonly clock: Clock;
  readonly connect: Connect;
  /** Of every upgrade. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether a first connect that nobody answers is tried again. */
  readonly retry: boolean;
}

/** Bytes read in one beat before the socket has to wait: for the next, or for as many as it takes when it was more. */
const INTAKE_BYTES = 524_288;
/** A message costs as much as so many bytes, before its own: an empty one is looked at, too. So does a ping, and a pong. */
const MESSAGE_COST = 1_024;
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 2_000;

export class Sockets {
  readonly #options: SocketsOptions;
  readonly #delegate: SocketsDelegate;
  #current: Connection;
  #url: string;
  /** The socket to a new URL, until it is open and takes over. */
  #successor: { readonly connection: Connection; readonly url: string } | null = null;
  #retryTimer: Timer | null = null;
  #retryMs = FIRST_RETRY_MS;
  #intake = 0;
  #over = false;
  messagesReceived = 0;
  bytesReceived = 0;

  /** Dials at once. */
  constructor(options: SocketsOptions, url: string, delegate: SocketsDelegate) {
    this.#options = options;
    this.#delegate = delegate;
    this.#url = url;
    this.#current = this.#dial(url, options.retry);
  }

  get current(): Connection {
    return this.#current;
  }

  /** Gives up the socket in use for another URL at once; for one that is not open. */
  redirect(url: string, retry: boolean): void {
    this.#dropSuccessor();
    this.#retryTimer?.cancel();
    this.#current.terminate();
    this.#url = url;
    this.#current = this.#dial(url, retry);
  }

  /** To another URL: the new socket is opened before the old one closes. */
  move(url: string): void {
    this.#dropSuccessor();
    this.#successor = { connection: this.#dial(url, true), url };
  }

  /** After a loss. A socket to a new URL is on its way already: it is the one to wait for, and its URL is the answer. */
  redial(): string | null {
    const successor = this.#successor;
    this.#successor = null;
    this.#url = successor?.url ?? this.#url;
    this.#current = successor?.connection ?? this.#dial(this.#url, false);
    return successor?.url ?? null;
  }

  /** Once more, a while from now that doubles each time. */
  retryLater(): void {
    this.#retryTimer?.cancel();
    this.#retryTimer = this.#options.clock.after(this.#retryMs, () => {
      this.#current = this.#dial(this.#url, false);
    });
    this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
  }

  /** The next beat: what had to wait may be read. */
  beat(): void {
    if (this.#intake === 0) return;
    const waits = this.#intake >= INTAKE_BYTES;
    this.#intake = Math.max(0, this.#intake - INTAKE_BYTES);
    if (waits && this.#intake < INTAKE_BYTES) this.#current.setReading(true);
  }

  /** What was read costs as much as so many bytes more. */
  charge(bytes: number): void {
    this.#add(this.#current, bytes);
  }

  /** Close handshake; resolves when the socket is gone. */
  close(): Promise<void> {
    this.#end();
    return this.#current.close();
  }

  terminate(): void {
    this.#end();
    this.#current.terminate();
  }

  #end(): void {
    this.#over = true;
    this.#retryTimer?.cancel();
    this.#dropSuccessor();
  }

  #dropSuccessor(): void {
    this.#successor?.connection.terminate();
    this.#successor = null;
  }

  #dial(url: string, retry: boolean): Connection {
    const { connect, headers } = this.#options;
    const connection = connect(
      { url, headers, retry },
      {
        onOpen: () => this.#onOpen(connection),
        onText: (text) => {
          if (this.#take(connection, text.length)) this.#delegate.onText(text);
        },
        onBinary: (bytes) => {
          if (this.#take(connection, bytes.length)) this.#delegate.onBinary(bytes);
        },
        onControl: () => {
          if (!this.#over && connection === this.#current) this.#add(connection, MESSAGE_COST);
        },
        onGone: (loss) => this.#onGone(connection, loss),
      },
    );
    return connection;
  }

  #onOpen(connection: Connection): void {
    if (this.#over) return;
    const old = this.#current;
    const successor = this.#successor;
    if (connection === successor?.connection) {
      this.#successor = null;
      this.#current = connection;
      this.#url = successor.url;
    } else if (connection !== old) return;
    this.#retryMs = FIRST_RETRY_MS;
    this.#intake = 0;
    if (connection === old) this.#delegate.onOpen();
    else this.#delegate.onMoved(old, this.#url);
  }

  #onGone(connection: Connection, loss: Loss): void {
    if (this.#over) return;
    if (connection === this.#successor?.connection) {
      this.#successor = null;
      this.#delegate.onMoveFailed(loss);
    } else if (connection === this.#current) this.#delegate.onGone(connection, loss);
  }

  /** Counts what came; false when it is not of the socket in use. */
  #take(connection: Connection, bytes: number): boolean {
    if (this.#over || connection !== this.#current) return false;
    this.messagesReceived += 1;
    this.bytesReceived += bytes;
    this.#add(connection, MESSAGE_COST + bytes);
    return true;
  }

  #add(connection: Connection, bytes: number): void {
    this.#intake += bytes;
    if (this.#intake >= INTAKE_BYTES) connection.setReading(false);
  }
}
