/**
 * A developer's application on one free port: documents by path over HTTP, and a WebSocket server
 * that records every stream. Tests say what each path answers and how a stream behaves.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { systemClock } from '../../shared/kernel/clock.ts';
import { withDeadline } from '../../shared/kernel/deadline.ts';
import type { Owner } from './suite.ts';

export interface AppRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly query: URLSearchParams;
  readonly form: URLSearchParams;
}

// biome-ignore lint/suspicious/noExplicitAny: messages are what is tested.
export type StreamMessage = any;

export type Page = string | ((request: AppRequest) => PageAnswer | Promise<PageAnswer>);

export type PageAnswer = string | { readonly status: number; readonly type?: string; readonly body: string | Buffer };

/** One WebSocket as the app saw it. */
export class StreamSeen {
  readonly path: string;
  readonly socket: WebSocket;
  readonly upgrade: IncomingMessage;
  readonly messages: StreamMessage[] = [];
  readonly binary: Buffer[] = [];
  closeCode: number | null = null;
  #waiting: (() => void)[] = [];

  constructor(socket: WebSocket, upgrade: IncomingMessage, path: string) {
    this.socket = socket;
    this.upgrade = upgrade;
    this.path = path;
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) this.binary.push(data);
      else this.messages.push(JSON.parse(data.toString()));
      this.#wake();
    });
    socket.on('close', (code) => {
      this.closeCode = code;
      this.#wake();
    });
    socket.on('error', () => {});
  }

  of(event: string): readonly StreamMessage[] {
    return this.messages.filter((message) => message.event === event);
  }

  /** Decoded payload of all media of a track, in order. */
  audio(track?: string): Buffer {
    const media = this.of('media').filter((message) => track === undefined || message.media.track === track);
    return Buffer.concat(media.map((message) => Buffer.from(message.media.payload, 'base64')));
  }

  send(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  /** Resolves as soon as `ready` holds; looked at after each message and the close. */
  until(what: string, ready: (seen: StreamSeen) => boolean, withinMs = 15_000): Promise<void> {
    const wait = async (): Promise<void> => {
      while (!ready(this)) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    };
    return withDeadline(systemClock, withinMs, what, wait());
  }

  closed(withinMs = 20_000): Promise<void> {
    return this.until('the close of the stream', (seen) => seen.closeCode !== null, withinMs);
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

export class App {
  readonly requests: AppRequest[] = [];
  readonly streams: StreamSeen[] = [];
  /** Called for each new stream, before its first message. */
  onStream: (seen: StreamSeen) => void = () => {};
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #pages = new Map<string, Page>();
  #waiting: (() => void)[] = [];

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(owner: Owner, host = '127.0.0.1'): Promise<App> {
    const server = createServer();
    // Whoever pools connections to it lets go of one after a second: what is left open is looked for when a test ends.
    server.keepAliveTimeout = 2000;
    const app = new App(server);
    server.on('connection', (socket) => {
      app.#sockets.add(socket);
      socket.once('close', () => app.#sockets.delete(socket));
    });
    server.on('request', async (request, response) => {
      const seen = await read(request);
      app.requests.push(seen);
      const page = app.#pages.get(seen.path);
      const answer =
        page === undefined ? { status: 404, body: 'no such page' } : typeof page === 'string' ? page : await page(seen);
      const { status, type, body } =
        typeof answer === 'string' ? { status: 200, type: 'text/xml', body: answer } : { type: 'text/xml', ...answer };
      response.writeHead(status, { 'Content-Type': type }).end(body);
      app.#wake();
    });
    const sockets = new WebSocketServer({ server });
    sockets.on('connection', (socket, upgrade) => {
      const seen = new StreamSeen(socket, upgrade, upgrade.url ?? '/');
      app.streams.push(seen);
      app.onStream(seen);
      app.#wake();
    });
    await new Promise<void>((resolve) => server.listen(0, host, resolve));
    owner.after(() => app.close());
    return app;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  wsUrl(path: string): string {
    return `ws://127.0.0.1:${this.port}${path}`;
  }

  page(path: string, page: Page): void {
    this.#pages.set(path, page);
  }

  /** The first stream on a path, once it is there. */
  stream(path: string, withinMs = 15_000): Promise<StreamSeen> {
    return this.#streamAfter(path, -1, withinMs);
  }

  /** The one on the same path after that: the socket of a stream that reconnected. */
  next(path: string, before: StreamSeen, withinMs = 15_000): Promise<StreamSeen> {
    return this.#streamAfter(path, this.streams.indexOf(before), withinMs);
  }

  async #streamAfter(path: string, after: number, withinMs: number): Promise<StreamSeen> {
    const find = (): StreamSeen | undefined => this.streams.find((seen, index) => index > after && seen.path === path);
    const wait = async (): Promise<StreamSeen> => {
      for (let seen = find(); ; seen = find()) {
        if (seen) return seen;
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
    };
    return withDeadline(systemClock, withinMs, `a stream on ${path}`, wait());
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

async function read(request: IncomingMessage): Promise<AppRequest> {
  let body = '';
  for await (const chunk of request) body += chunk;
  const url = new URL(request.url ?? '/', 'http://app');
  return {
    method: request.method ?? 'GET',
    path: url.pathname,
    headers: request.headers,
    query: url.searchParams,
    form: new URLSearchParams(body),
  };
}
