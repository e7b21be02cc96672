/**
 * A scripted WebSocket app for tests: accepts and records, or misbehaves in one of the ways apps do.
 * Listens on a free port of 127.0.0.1. Whoever opens it closes it; `close` drops every socket.
 */
import http from 'node:http';
import https from 'node:https';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';

export type PeerBehaviour =
  /** Accepts and writes everything down. */
  | { readonly kind: 'record' }
  /** Sends each text's media payload, or each binary message, straight back. */
  | { readonly kind: 'echo' }
  /** Takes the connection and never answers the upgrade. */
  | { readonly kind: 'hang' }
  | { readonly kind: 'status'; readonly status: number; readonly location?: string }
  /** Answers the upgrade with the wrong accept key. */
  | { readonly kind: 'impostor' }
  | { readonly kind: 'close'; readonly code?: number }
  /** Drops the TCP connection as soon as the upgrade is done. */
  | { readonly kind: 'drop' }
  /** Bytes that are no WebSocket frame. */
  | { readonly kind: 'garbage' }
  /** One text message of this many bytes. */
  | { readonly kind: 'flood'; readonly bytes: number }
  /** So many pings as long as may be, and reads nothing. */
  | { readonly kind: 'pings'; readonly count: number }
  /** One text message in so many fragments of a byte. */
  | { readonly kind: 'fragments'; readonly count: number }
  /** Accepts, then never reads again. */
  | { readonly kind: 'deaf' };

/** RFC 6455 §5.5. */
const LONGEST_PING = Buffer.alloc(125, 'x');

export interface PeerOptions {
  readonly behaviour?: PeerBehaviour;
  readonly port?: number;
  readonly tls?: Pick<TlsOptions, 'key' | 'cert' | 'ca' | 'requestCert' | 'rejectUnauthorized'>;
}

/** One accepted socket and what came over it. */
export class PeerSocket {
  readonly headers: http.IncomingHttpHeaders;
  readonly path: string;
  /** Parsed text messages, in order. */
  readonly messages: Record<string, unknown>[] = [];
  readonly binaries: Buffer[] = [];
  /** Pongs that answered pings of ours. */
  pongs = 0;
  /** Pings that were asked of us; `ws` answers them. */
  pings = 0;
  closeCode: number | null = null;
  readonly #socket: WebSocket;
  readonly #changed: () => void;

  constructor(socket: WebSocket, request: http.IncomingMessage, changed: () => void) {
    this.#socket = socket;
    this.#changed = changed;
    this.headers = request.headers;
    this.path = request.url ?? '';
    socket.on('message', (data, isBinary) => this.#take(data, isBinary));
    socket.on('error', () => {});
    socket.on('pong', () => {
      this.pongs += 1;
      changed();
    });
    socket.on('ping', () => {
      this.pings += 1;
      changed();
    });
    socket.on('close', (code) => {
      this.closeCode = code;
      changed();
    });
  }

  /** The messages of one event. */
  of(event: string): Record<string, unknown>[] {
    return this.messages.filter((message) => message['event'] === event);
  }

  send(message: object | Buffer | string): void {
    this.#socket.send(Buffer.isBuffer(message) || typeof message === 'string' ? message : JSON.stringify(message));
  }

  ping(): void {
    this.#socket.ping();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Reads until a message is there, and no further. */
  readOne(): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.once('message', () => {
        this.#socket.pause();
        resolve();
      });
      this.#socket.resume();
    });
  }

  close(code = 1000): void {
    this.#socket.close(code);
  }

  terminate(): void {
    this.#socket.terminate();
  }

  #take(data: RawData, isBinary: boolean): void {
    const bytes = Buffer.isBuffer(data) ? data : Buffer.concat(Array.isArray(data) ? data : [Buffer.from(data)]);
    if (isBinary) this.binaries.push(bytes);
    else this.messages.push(JSON.parse(bytes.toString('utf8')) as Record<string, unknown>);
    this.#changed();
  }
}

export class StreamPeer {
  readonly sockets: PeerSocket[] = [];
  /** TCP connections, upgraded or not. */
  connections = 0;
  readonly #server: http.Server;
  readonly #secure: boolean;
  readonly #behaviour: PeerBehaviour;
  readonly #tcp = new Set<Socket>();
  readonly #waiting = new Set<() => void>();

  private constructor(options: PeerOptions) {
    this.#behaviour = options.behaviour ?? { kind: 'record' };
    this.#secure = options.tls !== undefined;
    this.#server = options.tls === undefined ? http.createServer() : https.createServer(options.tls);
    const upgrades = new WebSocketServer({ noServer: true });
    this.#server.on('connection', (socket: Socket) => {
      this.connections += 1;
      this.#tcp.add(socket);
      socket.on('close', () => this.#tcp.delete(socket));
      socket.on('error', () => {});
      this.#changed();
    });
    this.#server.on('upgrade', (request, socket: Socket, head) => {
      if (!this.#refuses(request, socket)) {
        upgrades.handleUpgrade(request, socket, head, (accepted) => this.#accept(accepted, request, socket));
      }
    });
  }

  static async listen(options: PeerOptions = {}): Promise<StreamPeer> {
    const peer = new StreamPeer(options);
    await new Promise<void>((resolve) => peer.#server.listen(options.port ?? 0, '127.0.0.1', resolve));
    return peer;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `${this.#secure ? 'wss' : 'ws'}://127.0.0.1:${this.port}/stream`;
  }

  /** Resolves as soon as `found` answers with something; rejects after `timeoutMs`. */
  until<T>(what: string, found: () => T | undefined | null | false, timeoutMs = 8_000): Promise<T> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const value = found();
        if (value === undefined || value === null || value === false) return;
        this.#waiting.delete(look);
        clearTimeout(timer);
        resolve(value);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        reject(new Error(`the app waited in vain for ${what}`));
      }, timeoutMs);
      this.#waiting.add(look);
      look();
    });
  }

  /** The n-th accepted socket. */
  socket(index = 0): Promise<PeerSocket> {
    return this.until(`socket ${index}`, () => this.sockets[index]);
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#tcp) socket.destroy();
    await closed;
  }

  #changed(): void {
    for (const look of [...this.#waiting]) look();
  }

  /** The behaviours that never get to a WebSocket. */
  #refuses(_request: http.IncomingMessage, socket: Socket): boolean {
    const behaviour = this.#behaviour;
    if (behaviour.kind === 'hang') return true;
    if (behaviour.kind === 'status') {
      const location = behaviour.location === undefined ? '' : `Location: ${behaviour.location}\r\n`;
      socket.end(`HTTP/1.1 ${behaviour.status} No\r\n${location}Content-Length: 0\r\nConnection: close\r\n\r\n`);
      return true;
    }
    if (behaviour.kind !== 'impostor') return false;
    socket.write(
      'HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n',
    );
    return true;
  }

  #accept(accepted: WebSocket, request: http.IncomingMessage, socket: Socket): void {
    const behaviour = this.#behaviour;
    const peer = new PeerSocket(accepted, request, () => this.#changed());
    this.sockets.push(peer);
    if (behaviour.kind === 'close') peer.close(behaviour.code);
    else if (behaviour.kind === 'drop') socket.resetAndDestroy();
    else if (behaviour.kind === 'garbage') socket.write(Buffer.alloc(64, 0xff));
    else if (behaviour.kind === 'flood') peer.send('x'.repeat(behaviour.bytes));
    else if (behaviour.kind === 'deaf') peer.pause();
    else if (behaviour.kind === 'pings') {
      peer.pause();
      for (let sent = 0; sent < behaviour.count; sent++) accepted.ping(LONGEST_PING);
    } else if (behaviour.kind === 'fragments') {
      for (let left = behaviour.count; left > 0; left--) accepted.send('x', { fin: left === 1 });
    } else if (behaviour.kind === 'echo') this.#echo(accepted, peer);
    this.#changed();
  }

  #echo(accepted: WebSocket, peer: PeerSocket): void {
    accepted.on('message', (data, isBinary) => {
      const last = peer.messages.at(-1);
      if (isBinary) accepted.send(data);
      else if (last?.['event'] === 'media') {
        const { payload } = last['media'] as { payload: string };
        peer.send({ event: 'media', streamSid: last['streamSid'], media: { payload } });
      }
    });
  }
}

/** A URL whose port was free a moment ago: connecting to it is refused. */
export async function refusingUrl(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `ws://127.0.0.1:${port}/stream`;
}
