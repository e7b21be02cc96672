/**
 * One WebSocket to an app, from the first SYN to the last FIN: PROTOCOL §2.3, §4.7, §11.
 * The session that opened it owns it and ends it with `close` or `terminate`;
 * `onGone` is told once, unless it was terminated. Retries are made here for connects that failed
 * before anybody answered; everything after that is the session's decision.
 */
import type { StreamError } from '../../shared/domain/stream.ts';
import type { Timer } from '../../shared/kernel/clock.ts';
import { NO_CLOSE_FRAME, type OpenWebSocket, type OpenWebSocketDelegate } from '../sockets/open-web-socket.ts';
import { type Dial, type DialDelegate, type DialOptions, dial } from './dial.ts';
import { connectFailure, failures, type Loss, ruleBroken, statusFailure } from './failure.ts';

export interface ConnectionDelegate {
  onOpen(): void;
  /** The text is UTF-8 and at most 1 MiB. */
  onText(text: string): void;
  onBinary(bytes: Buffer): void;
  /** A ping or a pong, of which nothing is to be done but to count it. */
  onControl(): void;
  /** Final, once: it could not be opened, was lost, or the app closed it. Not told after `close` or `terminate`. */
  onGone(loss: Loss): void;
}

export interface Connection {
  /** Does nothing unless open. */
  sendText(text: string): void;
  /** The bytes are copied before this returns. */
  sendBinary(bytes: Uint8Array): void;
  /** Hands to the kernel what was given so far, so that the two figures below are true of it. */
  push(): void;
  /** Bytes that the kernel was seen not to take yet; infinite once it will take no more. */
  readonly bufferedBytes: number;
  /** Messages given that the kernel has not taken whole; still true of a socket that is gone. */
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

export type ConnectorOptions = Omit<DialOptions, 'closeTimeoutMs'>;

export const CONNECT_TIMEOUT_MS = 5_000;
export const UPGRADE_TIMEOUT_MS = 5_000;
export const CONNECT_RETRIES = 2;
export const RETRY_AFTER_MS = 2_000;
export const CLOSE_TIMEOUT_MS = 2_000;
/** One that is not answered in time is followed by the next at once: whoever is gone is found out within a minute. */
export const PING_EVERY_MS = 30_000;
export const PONG_WITHIN_MS = 15_000;
export const MAX_MISSED_PONGS = 2;
const NORMAL_CLOSURE = 1000;

/** Makes the function that opens connections. */
export function createConnector(options: ConnectorOptions): Connect {
  return (order, delegate) => new SocketConnection(options, order, delegate);
}

class SocketConnection implements Connection {
  readonly #options: ConnectorOptions;
  readonly #order: ConnectOrder;
  readonly #delegate: ConnectionDelegate;
  #dialling: Dial | null = null;
  /** Once it is open, and still when it is gone. */
  #socket: OpenWebSocket | null = null;
  /** The one thing waited for: a connect, an upgrade, the next try, a pong, or the end of the close handshake. */
  #timer: Timer | null = null;
  #retriesLeft: number;
  #connected = false;
  #open = false;
  #missedPongs = 0;
  /** Something came from the app since the last ping. */
  #heard = false;
  #handedOver = 0;
  /** What had been handed over when the kernel was first seen not to take it, since the last ping; -1 when it took all. */
  #behindAt = -1;
  /** Why we hang up, or have: whatever the app says after it. */
  #error: StreamError | null = null;
  /** The app said goodbye. */
  #isEnding = false;
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
    if (!this.#open) return;
    this.#handedOver += 1;
    this.#socket?.sendText(text);
  }

  sendBinary(bytes: Uint8Array): void {
    if (!this.#open) return;
    this.#handedOver += 1;
    this.#socket?.sendBinary(bytes);
  }

  push(): void {
    this.#socket?.push();
  }

  get bufferedBytes(): number {
    // It will take nothing more: what comes meanwhile is for the next socket.
    if (this.#error !== null || this.#isEnding) return Number.POSITIVE_INFINITY;
    const bytes = this.#socket?.bufferedBytes ?? 0;
    if (bytes > 0 && this.#behindAt < 0) this.#behindAt = this.#handedOver;
    return bytes;
  }

  get unsent(): number {
    return this.#socket?.unsent ?? 0;
  }

  setReading(reading: boolean): void {
    if (this.#open) this.#socket?.setReading(reading);
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
      this.#socket.setReading(true);
      this.#socket.close(NORMAL_CLOSURE);
    }
    return this.#closed.promise;
  }

  terminate(): void {
    this.#done = true;
    this.#open = false;
    this.#timer?.cancel();
    this.#dialling?.terminate();
    this.#socket?.terminate();
    this.#closed?.resolve();
  }

  #dial(): void {
    const { url, headers } = this.#order;
    this.#connected = false;
    try {
      this.#dialling = dial(url, headers, { ...this.#options, closeTimeoutMs: CLOSE_TIMEOUT_MS }, this.#dialDelegate());
      this.#wait(CONNECT_TIMEOUT_MS, () => this.#giveUp(failures.connectTimeout, true));
    } catch (error) {
      this.#lost(error instanceof SyntaxError ? badUrl(url) : connectFailure(asError(error), false));
    }
  }

  #dialDelegate(): DialDelegate {
    return {
      onConnected: () => this.#onConnected(),
      onStatus: (status) => this.#lost(this.#loss(statusFailure(status), false)),
      onFailed: (error) => this.#failed(connectFailure(error, this.#connected)),
      onOpen: (socket) => this.#onOpen(socket),
      whenOpen: this.#openDelegate(),
    };
  }

  #openDelegate(): OpenWebSocketDelegate {
    return {
      onText: (text) => {
        this.#heard = true;
        if (!this.#done) this.#delegate.onText(text);
      },
      onBinary: (bytes) => {
        this.#heard = true;
        if (!this.#done) this.#delegate.onBinary(bytes);
      },
      onPing: () => this.#onControl(),
      onPong: () => {
        this.#heard = true;
        this.#onControl();
      },
      onClosing: (code) => this.#onClosing(code),
      onBroken: (rule) => this.#onBroken(rule),
      onGone: (code) => this.#onGone(code),
    };
  }

  #onControl(): void {
    if (!this.#done) this.#delegate.onControl();
  }

  #onConnected(): void {
    if (this.#done) return;
    this.#connected = true;
    this.#wait(UPGRADE_TIMEOUT_MS, () => this.#giveUp(failures.upgradeTimeout, false));
  }

  #onOpen(socket: OpenWebSocket): void {
    this.#socket = socket;
    this.#open = true;
    this.#wait(PING_EVERY_MS, () => this.#ping());
    this.#delegate.onOpen();
  }

  #onClosing(code: number): void {
    this.#isEnding = true;
    this.#wait(CLOSE_TIMEOUT_MS, () => {
      this.#socket?.terminate();
      this.#onGone(code);
    });
  }

  #onBroken(rule: string): void {
    const error = ruleBroken(rule);
    this.#error = error;
    this.#wait(CLOSE_TIMEOUT_MS, () => this.#hangUp(error));
  }

  #onGone(code: number): void {
    this.#open = false;
    this.#closed?.resolve();
    const error = this.#error ?? failures.abrupt;
    const told = code !== NO_CLOSE_FRAME && this.#error === null;
    this.#lost({ error, stage: told ? 'closed' : 'lost', retryable: true, closeCode: told ? code : null });
  }

  #ping(): void {
    this.#heard = false;
    this.#behindAt = -1;
    this.#socket?.ping();
    this.#wait(PONG_WITHIN_MS, () => {
      // What had to wait was taken: the far end reads, however slowly, and our ping is behind much audio.
      const isRead = this.#behindAt >= 0 && this.#handedOver - this.unsent >= this.#behindAt;
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
    this.#hangUp(failures.dead);
  }

  /** Given up by us; the session may try another. */
  #hangUp(error: StreamError): void {
    this.#error = error;
    this.#socket?.terminate();
    this.#onGone(NO_CLOSE_FRAME);
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
    this.#dialling?.terminate();
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

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
