/**
 * A server that accepts one upgrade after the other and then says byte for byte what a test wants: whole frames, pieces of
 * them, or none. Listens on a free port of 127.0.0.1; whoever opens it closes it.
 */
import { createHash } from 'node:crypto';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

export class FrameServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #arrivals: ((socket: Socket) => void)[] = [];
  /** Goes out in one write with the answer to the upgrade. */
  head: Uint8Array = Buffer.alloc(0);

  private constructor() {
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  static async listen(): Promise<FrameServer> {
    const made = new FrameServer();
    await new Promise<void>((resolve) => made.#server.listen(0, '127.0.0.1', resolve));
    return made;
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** The next connection, upgraded. */
  next(): Promise<Socket> {
    return new Promise((resolve) => {
      this.#arrivals.push(resolve);
    });
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    socket.once('data', (request) => {
      const key = /sec-websocket-key: (.*)\r\n/i.exec(request.toString())?.[1] ?? '';
      const accept = createHash('sha1').update(`${key}${GUID}`).digest('base64');
      const answer = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
      socket.write(Buffer.concat([Buffer.from(answer), this.head]));
      this.#arrivals.shift()?.(socket);
    });
  }
}

/** An unmasked frame, as a server sends it (RFC 6455 §5.2). */
export function frame(opcode: number, payload: Uint8Array, final = true): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length > 65_535 ? 10 : length > 125 ? 4 : 2);
  head[0] = (final ? 0x80 : 0) | opcode;
  if (head.length === 2) head[1] = length;
  else if (head.length === 4) {
    head[1] = 126;
    head.writeUInt16BE(length, 2);
  } else {
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([head, payload]);
}
