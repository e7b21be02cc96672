/** A developer's web server on loopback: answers as told and keeps what it was asked. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  readonly method: string;
  /** Path with query. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export type Answer = (response: ServerResponse, asked: Asked) => void;

export class HttpSink {
  readonly #server: Server;
  readonly #answers = new Map<string, Answer>();
  readonly asked: Asked[] = [];

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (request: IncomingMessage, response: ServerResponse) => void this.#serve(request, response));
  }

  static async open(): Promise<HttpSink> {
    const server = createServer();
    const sink = new HttpSink(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return sink;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}`;
  }

  /** What a path answers; 404 otherwise. */
  on(path: string, answer: Answer): string {
    this.#answers.set(path, answer);
    return `${this.url}${path}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece);
    const path = request.url ?? '/';
    const asked = {
      method: request.method ?? 'GET',
      path,
      headers: request.headers,
      body: Buffer.concat(pieces).toString(),
    };
    this.asked.push(asked);
    const answer = this.#answers.get(path.split('?')[0] ?? '');
    if (answer) answer(response, asked);
    else response.writeHead(404).end();
  }
}
