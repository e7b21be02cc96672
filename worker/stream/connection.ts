/**
 * One WebSocket to an app, from the first SYN to the last FIN: PROTOCOL §2.3, §4.7, §11.
 * The only importer of `ws`. The session that opened it owns it and ends it with `close` or `terminate`;
 * `onGone` is told once, unless it was terminated. Retries are made here for connects that failed
 * before anybody answered; everything after that is the session's decision.
 */
import { randomFillSync } from 'node:crypto';
import type { SecureContext } from 'node:tls';
import { type ClientOptions, type RawData, WebSocket } from 'ws';
import type { StreamError } from '../../shared/domain/stream.ts';
import type { Clock, Timer } from '../../shared/kernel/clock.ts';
import type { DestinationGuard } from '../../shared/net/destination.ts';
import { signatureHeaders } from '../../shared/net/signature.ts';
import { connectFailure, failures, type Loss, socketFailure, statusFailure } from './failure.ts';

export interface ConnectionDelegate {
  onOpen(): void;
  /** The text is UTF-8 and at most 1 MiB. */
  onText(text: string): void;
  onBinary(bytes: Buffer): void;
  /** Final, once: it could not be opened, was lost, or the app closed it. Not told after `close` or `terminate`. */
  onGone(loss: Loss): void;
}

export interface Connection {
  /** Does nothing unless open. */
  sendText(text: string): void;
  /** The bytes are copied before this returns. */
  sendBinary(bytes: Uint8Array): void;
  /** Bytes handed over that the kernel has not taken yet. */
  readonly bufferedBytes: number;
  /** Messages handed over that the kernel has not taken whole; still true of a socket that is gone. */
  readonly unsent: number;
  /** Stops and starts reading from the socket. */
  setReading(reading: boolean): void;
  /** Close handshake with 1000; resolves when the socket is gone, after 2 s at the latest. */
  close(): Promise<void>;
  /** Gone at once, without a word. */
  terminate(): void;
}

export interface ConnectOrder {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Whether a connect that nobody answered is tried again twice, 2 s apart. */
  readonly retry: boolean;
}

export type Connect = (order: ConnectOrder, delegate: ConnectionDelegate) => Connection;

export interface ConnectorOptions {
  readonly clock: Clock;
  readonly guard: DestinationGuard;
  readonly authToken: string;
  /** What `wss:` trusts and shows; absent or null: Node's defaults. */
  readonly tls?: SecureContext | null;
}

export const CONNECT_TIMEOUT_MS = 5_000;
export const UPGRADE_TIMEOUT_MS = 5_000;
export const CONNECT_RETRIES = 2;
export const RETRY_AFTER_MS = 2_000;
export const CLOSE_TIMEOUT_MS = 2_000;
/** One that is not answered in time is followed by the next at once: whoever is gone is found out within a minute. */
export const PING_EVERY_MS = 30_000;
export const PONG_WITHIN_MS = 15_000;
export const MAX_MISSED_PONGS = 2;
export const MAX_MESSAGE_BYTES = 1_048_576;
const MAX_FRAGMENTS = 1_024;
const MAX_PENDING_PONGS = 32;
const AS_TEXT = { binary: false } as const;
const AS_BINARY = { binary: true } as const;
/** Of a UTF-16 unit. */
const MAX_UTF8_BYTES = 3;
/** The text that is being sent: ws copies it while it masks. */
const outgoing = Buffer.alloc(16_384);
const masks = Buffer.alloc(8_192);
let masksFrom = masks.length;
const NORMAL_CLOSURE = 1000;

/** Makes the function that opens connections. */
export function createConnector(options: ConnectorOptions): Connect {
  return (order, delegate) => new SocketConnection(options, order, delegate);
}

class SocketConnection implements Connection {
  readonly #options: ConnectorOptions;
  readonly #order: ConnectOrder;
  readonly #delegate: ConnectionDelegate;
  #socket: WebSocket | null = null;
  /** The one thing waited for: a connect, an upgrade, the next try, a pong, or the end of the close handshake. */
  #timer: Timer | null = null;
  #retriesLeft: number;
  #connected = false;
  #open = false;
  #missedPongs = 0;
  /** Something came from the app since the last ping. */
  #heard = false;
  #handedOver = 0;
  #taken = 0;
  /** What had been handed over when the kernel was first seen not to take it, since the last ping; -1 when it took all. */
  #behindAt = -1;
  /** One for all messages: they are taken in order. */
  readonly #onTaken = (error?: Error | null): void => {
    if (!error) this.#taken += 1;
  };
  #error: StreamError | null = null;
  /** Told, closed or terminated: nothing more comes up. */
  #done = false;
  #closed: { readonly promise: Promise<void>; readonly resolve: () => void } | null = null;

  constructor(options: ConnectorOptions, order: ConnectOrder, delegate: ConnectionDelegate) {
    this.#options = options;
    this.#order = order;
    this.#delegate = delegate;
    this.#retriesLeft = order.retry ? CONNECT_RETRIES : 0;
    // Not at once: the session must have hold of this object before anything is told.
    this.#wait(0, () => this.#dial());
  }

  sendText(text: string): void {
    // As bytes: ws then masks into one buffer and writes once, where a string costs a gathered write of two.
    const isShort = text.length * MAX_UTF8_BYTES <= outgoing.length;
    this.#send(isShort ? outgoing.subarray(0, outgoing.write(text)) : Buffer.from(text), AS_TEXT);
  }

  sendBinary(bytes: Uint8Array): void {
    this.#send(bytes, AS_BINARY);
  }

  get bufferedBytes(): number {
    const bytes = this.#socket?.bufferedAmount ?? 0;
    if (bytes > 0 && this.#behindAt < 0) this.#behindAt = this.#handedOver;
    return bytes;
  }

  get unsent(): number {
    return this.#handedOver - this.#taken;
  }

  setReading(reading: boolean): void {
    if (!this.#open) return;
    if (reading) this.#socket?.resume();
    else this.#socket?.pause();
  }

  close(): Promise<void> {
    this.#done = true;
    if (!this.#open || this.#socket === null) {
      this.terminate();
      return Promise.resolve();
    }
    if (this.#closed === null) {
      let resolve = (): void => {};
      const promise = new Promise<void>((settle) => {
        resolve = settle;
      });
      this.#closed = { promise, resolve };
      this.#wait(CLOSE_TIMEOUT_MS, () => this.terminate());
      this.#socket.resume();
      this.#socket.close(NORMAL_CLOSURE);
    }
    return this.#closed.promise;
  }

  terminate(): void {
    this.#done = true;
    this.#open = false;
    this.#timer?.cancel();
    this.#socket?.terminate();
    this.#closed?.resolve();
  }

  #send(bytes: Uint8Array, options: typeof AS_TEXT | typeof AS_BINARY): void {
    if (!this.#open) return;
    this.#handedOver += 1;
    this.#socket?.send(bytes, options, this.#onTaken);
  }

  #dial(): void {
    const { url } = this.#order;
    this.#connected = false;
    try {
      this.#options.guard.check(url);
      const socket = new WebSocket(url, this.#socketOptions());
      this.#socket = socket;
      this.#listen(socket);
      this.#wait(CONNECT_TIMEOUT_MS, () => this.#giveUp(failures.connectTimeout, true));
    } catch (error) {
      this.#lost(error instanceof SyntaxError ? badUrl(url) : connectFailure(asError(error), false));
    }
  }

  #socketOptions(): ClientOptions {
    const { guard, tls = null, authToken, clock } = this.#options;
    const { url, headers } = this.#order;
    // What this version of ws knows and its type declarations do not.
    const undeclared = {
      lookup: guard.lookup,
      maxFragments: MAX_FRAGMENTS,
      maxPendingAutoPongs: MAX_PENDING_PONGS,
    };
    return {
      headers: { ...headers, 'User-Agent': 'pivot-streams', ...signatureHeaders(authToken, { url }, clock.now()) },
      followRedirects: false,
      perMessageDeflate: false,
      generateMask: drawMask,
      maxPayload: MAX_MESSAGE_BYTES,
      ...undeclared,
      ...(tls === null ? {} : { secureContext: tls }),
      finishRequest: (request, socket) => {
        request.on('socket', (transport) => transport.once('connect', () => this.#onConnected(socket)));
        request.end();
      },
    };
  }

  #listen(socket: WebSocket): void {
    socket.on('open', () => this.#onOpen());
    socket.on('message', (data, isBinary) => this.#onMessage(data, isBinary));
    socket.on('pong', () => {
      this.#heard = true;
    });
    socket.on('unexpected-response', (request, response) => {
      request.destroy();
      this.#lost(this.#loss(statusFailure(response.statusCode ?? 0), false));
    });
    socket.on('error', (error) => {
      if (this.#open) this.#error ??= socketFailure(error);
      else if (socket === this.#socket) this.#failed(connectFailure(error, this.#connected));
    });
    socket.on('close', (code) => {
      if (socket === this.#socket) this.#onClose(code);
    });
  }

  #onConnected(socket: WebSocket): void {
    if (this.#done || socket !== this.#socket) return;
    this.#connected = true;
    this.#wait(UPGRADE_TIMEOUT_MS, () => this.#giveUp(failures.upgradeTimeout, false));
  }

  #onOpen(): void {
    if (this.#done) return;
    this.#open = true;
    this.#wait(PING_EVERY_MS, () => this.#ping());
    this.#delegate.onOpen();
  }

  #onMessage(data: RawData, isBinary: boolean): void {
    if (this.#done) return;
    this.#heard = true;
    const bytes = Buffer.isBuffer(data) ? data : Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
    if (isBinary) this.#delegate.onBinary(bytes);
    else this.#delegate.onText(bytes.toString('utf8'));
  }

  #onClose(code: number): void {
    this.#open = false;
    this.#closed?.resolve();
    const told = code !== 1006 && this.#error === null;
    const error = this.#error ?? failures.abrupt;
    this.#lost({ error, stage: told ? 'closed' : 'lost', retryable: true, closeCode: told ? code : null });
  }

  #ping(): void {
    this.#heard = false;
    this.#behindAt = -1;
    this.#socket?.ping();
    this.#wait(PONG_WITHIN_MS, () => {
      // What had to wait was taken: the far end reads, however slowly, and our ping is behind much audio.
      const isRead = this.#behindAt >= 0 && this.#taken >= this.#behindAt;
      if (this.#heard || isRead) this.#answered();
      else this.#unanswered();
    });
  }

  #answered(): void {
    this.#missedPongs = 0;
    this.#wait(PING_EVERY_MS - PONG_WITHIN_MS, () => this.#ping());
  }

  #unanswered(): void {
    this.#missedPongs += 1;
    if (this.#missedPongs < MAX_MISSED_PONGS) {
      this.#ping();
      return;
    }
    this.#error = failures.dead;
    this.#socket?.terminate();
  }

  #giveUp(error: StreamError, retryable: boolean): void {
    this.#failed(this.#loss(error, retryable));
  }

  #loss(error: StreamError, retryable: boolean): Loss {
    return { error, stage: this.#connected ? 'upgrade' : 'connect', retryable, closeCode: null };
  }

  /** An attempt came to nothing: once more, or over. */
  #failed(loss: Loss): void {
    const again = !this.#done && loss.stage === 'connect' && loss.retryable && this.#retriesLeft > 0;
    if (!again) {
      this.#lost(loss);
      return;
    }
    this.#retriesLeft -= 1;
    const failed = this.#socket;
    this.#socket = null;
    failed?.terminate();
    this.#wait(RETRY_AFTER_MS, () => this.#dial());
  }

  #lost(loss: Loss): void {
    this.#timer?.cancel();
    if (this.#done) return;
    this.terminate();
    this.#delegate.onGone(loss);
  }

  #wait(delayMs: number, then: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(delayMs, then);
  }
}

function badUrl(url: string): Loss {
  const error = /^[a-z][a-z0-9+.-]*:/i.test(url) && !/^wss?:/i.test(url) ? failures.badScheme : failures.badUrl;
  return { error, stage: 'connect', retryable: false, closeCode: null };
}

/** RFC 6455 §5.3: unpredictable. Never nought, of which ws makes no copy. */
function drawMask(mask: Buffer): void {
  do {
    if (masksFrom === masks.length) {
      randomFillSync(masks);
      masksFrom = 0;
    }
    masks.copy(mask, 0, masksFrom, masksFrom + 4);
    masksFrom += 4;
  } while (mask.readInt32LE(0) === 0);
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
