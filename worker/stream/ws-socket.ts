/** A WebSocket by `ws`, once it is open: everywhere, over TLS, and where the addon is not. */
import { randomFillSync } from 'node:crypto';
import type { Duplex, Writable } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import type { OpenWebSocket, OpenWebSocketDelegate } from '../sockets/open-web-socket.ts';
import { writeInSlices } from './ws-slices.ts';

const AS_TEXT = { binary: false } as const;
const AS_BINARY = { binary: true } as const;
/** Of a UTF-16 unit. */
const MAX_UTF8_BYTES = 3;
/** The text that is being sent: ws copies it while it masks. */
const outgoing = Buffer.alloc(16_384);
const masks = Buffer.alloc(8_192);
let masksFrom = masks.length;

/** What this version of ws has and its type declarations do not. */
interface Undeclared {
  readonly _socket: Duplex;
  readonly _receiver: Writable;
}

export class WsSocket implements OpenWebSocket {
  readonly #socket: WebSocket;
  #handedOver = 0;
  #taken = 0;
  /** One for all messages: they are taken in order. */
  readonly #onTaken = (error?: Error | null): void => {
    if (!error) this.#taken += 1;
  };
  #over = false;

  constructor(socket: WebSocket, delegate: OpenWebSocketDelegate) {
    this.#socket = socket;
    const { _socket, _receiver } = socket as unknown as Undeclared;
    writeInSlices(_socket, _receiver);
    socket.on('message', (data, isBinary) => {
      const bytes = asBuffer(data);
      if (this.#over) return;
      if (isBinary) delegate.onBinary(bytes);
      else delegate.onText(bytes.toString('utf8'));
    });
    socket.on('ping', () => {
      if (!this.#over) delegate.onPing();
    });
    socket.on('pong', () => {
      if (!this.#over) delegate.onPong();
    });
    socket.on('error', (error) => {
      const rule = ruleOf(error);
      if (!this.#over && rule !== null) delegate.onBroken(rule);
    });
    socket.on('close', (code) => {
      if (!this.#over) delegate.onGone(code);
    });
  }

  sendText(text: string): void {
    // As bytes: ws then masks into one buffer and writes once, where a string costs a gathered write of two.
    const isShort = text.length * MAX_UTF8_BYTES <= outgoing.length;
    this.#send(isShort ? outgoing.subarray(0, outgoing.write(text)) : Buffer.from(text), AS_TEXT);
  }

  sendBinary(bytes: Uint8Array): void {
    this.#send(bytes, AS_BINARY);
  }

  ping(): void {
    this.#socket.ping();
  }

  /** Each message is handed over as it comes. */
  push(): void {}

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  get unsent(): number {
    return this.#handedOver - this.#taken;
  }

  setReading(reading: boolean): void {
    if (reading) this.#socket.resume();
    else this.#socket.pause();
  }

  close(code: number): void {
    this.#socket.close(code);
  }

  terminate(): void {
    this.#over = true;
    this.#socket.terminate();
  }

  #send(bytes: Uint8Array, options: typeof AS_TEXT | typeof AS_BINARY): void {
    this.#handedOver += 1;
    this.#socket.send(bytes, options, this.#onTaken);
  }
}

/** RFC 6455 §5.3: unpredictable. Never nought, of which ws makes no copy. */
export function drawMask(mask: Buffer): void {
  do {
    if (masksFrom === masks.length) {
      randomFillSync(masks);
      masksFrom = 0;
    }
    masks.copy(mask, 0, masksFrom, masksFrom + 4);
    masksFrom += 4;
  } while (mask.readInt32LE(0) === 0);
}

function asBuffer(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}

/** The rule of RFC 6455 that was broken, as in `unexpected_mask`; null for errors of the network. */
function ruleOf(error: Error): string | null {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return code.startsWith('WS_ERR_') ? code.slice(7).toLowerCase() : null;
}
