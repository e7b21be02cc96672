/** A WebSocket whose frames the reactor reads and writes. */
import { rows } from './addon.ts';
import { NO_CLOSE_CODE, NO_CLOSE_FRAME, type OpenWebSocket, type OpenWebSocketDelegate } from './open-web-socket.ts';
import { type Reactor, type RowTaker, systemError } from './reactor.ts';

const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const NOTHING = Buffer.alloc(0);
const NORMAL_CLOSURE = 1000;

/** By `enum violation` of framing.h: its name, and the close code that answers it (RFC 6455 §7.4.1). */
const violations: readonly (readonly [name: string, code: number])[] = [
  ['', 0],
  ['unexpected_rsv', 1002],
  ['invalid_opcode', 1002],
  ['expected_fin', 1002],
  ['invalid_control_payload_length', 1002],
  ['unexpected_mask', 1002],
  ['unsupported_message_length', 1009],
  ['too_many_buffered_parts', 1008],
  ['invalid_utf8', 1007],
  ['invalid_close_code', 1002],
];

/**
 * Takes over a connected TCP socket, of which `head` was read already; the caller closes its own descriptor.
 * @throws the system's error when there are no descriptors left.
 */
export function adoptWebSocket(
  reactor: Reactor,
  descriptor: number,
  head: Uint8Array,
  delegate: OpenWebSocketDelegate,
): OpenWebSocket {
  const socket = reactor.addon.adopt(descriptor, head);
  if (socket < 0) throw systemError(socket, 'WebSocket');
  return new NativeWebSocket(reactor, socket, delegate);
}

class NativeWebSocket implements OpenWebSocket, RowTaker {
  readonly #reactor: Reactor;
  readonly #socket: number;
  readonly #delegate: OpenWebSocketDelegate;
  #gone = false;
  /** Messages that were unsent when it went. */
  #left = 0;
  #closeSent = false;
  #closeCode = NO_CLOSE_FRAME;
  /** Messages that came behind our close frame, where nothing may. */
  #refused = 0;

  constructor(reactor: Reactor, socket: number, delegate: OpenWebSocketDelegate) {
    this.#reactor = reactor;
    this.#socket = socket;
    this.#delegate = delegate;
    reactor.listen(socket, this);
  }

  get bufferedBytes(): number {
    return this.#gone ? 0 : this.#reactor.unsentBytes(this.#socket);
  }

  get unsent(): number {
    return this.#gone ? this.#left : this.#reactor.unsentMessages(this.#socket) + this.#refused;
  }

  sendText(text: string): void {
    if (this.#mayWrite()) this.#reactor.addon.sendText(this.#socket, text);
  }

  sendBinary(bytes: Uint8Array): void {
    if (this.#mayWrite()) this.#send(BINARY, bytes);
  }

  ping(): void {
    if (!this.#closeSent) this.#send(PING, NOTHING);
  }

  push(): void {
    if (!this.#gone) this.#reactor.addon.push();
  }

  setReading(reading: boolean): void {
    if (!this.#gone) this.#reactor.addon.setReading(this.#socket, reading);
  }

  close(code: number): void {
    if (this.#closeSent) return;
    this.#closeSent = true;
    const body = Buffer.alloc(code === NO_CLOSE_CODE ? 0 : 2);
    if (body.length > 0) body.writeUInt16BE(code);
    this.#send(CLOSE, body);
  }

  terminate(): void {
    if (this.#gone) return;
    this.#left = this.unsent;
    this.#gone = true;
    this.#reactor.release(this.#socket);
  }

  onRow(row: number, a: number, b: number): void {
    const { arena } = this.#reactor;
    switch (row) {
      case rows.ascii:
        this.#delegate.onText(arena.toString('latin1', a, a + b));
        break;
      case rows.text:
        this.#delegate.onText(arena.toString('utf8', a, a + b));
        break;
      case rows.binary:
        this.#delegate.onBinary(Buffer.from(arena.subarray(a, a + b)));
        break;
      case rows.ping:
        this.#delegate.onPing();
        break;
      case rows.pong:
        this.#delegate.onPong();
        break;
      case rows.close:
        this.#closeCode = a;
        this.close(a);
        this.#delegate.onClosing(a);
        break;
      case rows.broken:
        this.#broke(a);
        break;
      case rows.gone:
        this.terminate();
        this.#delegate.onGone(this.#closeCode);
        break;
    }
  }

  /** The app is told, and may read it: hung up at once, what it still sends would take the close frame from it. */
  #broke(violation: number): void {
    const [rule, code] = violations[violation] ?? ['', NORMAL_CLOSURE];
    this.close(code);
    this.#delegate.onBroken(rule);
  }

  #mayWrite(): boolean {
    if (this.#closeSent) this.#refused += 1;
    return !this.#gone && !this.#closeSent;
  }

  #send(opcode: number, bytes: Uint8Array): void {
    if (!this.#gone) this.#reactor.addon.sendBytes(this.#socket, opcode, bytes);
  }
}
