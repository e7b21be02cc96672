/**
 * The developer's application of the demo: one document, a listener that keeps both tracks, and a
 * parrot that talks back. On one free port; the demo closes it.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';

/** The listener's format, so that its tracks can be told apart: left outbound, right inbound. */
const RATE = 8000;

/** What the parrot holds back, in frames of 20 ms. */
const ECHO_DELAY_FRAMES = 25;

export interface StreamHeard {
  readonly name: string;
  /** Each digit as it came. */
  readonly digits: string[];
  stopped: boolean;
  closeCode: number | null;
}

interface AppMessage {
  readonly event: string;
  readonly streamSid?: string;
  readonly media?: { readonly payload: string; readonly chunk: string };
  readonly dtmf?: { readonly digit: string };
  readonly mark?: { readonly name: string };
}

export class DemoApp {
  readonly listener: StreamHeard = { name: 'listener', digits: [], stopped: false, closeCode: null };
  readonly parrot: StreamHeard = { name: 'parrot', digits: [], stopped: false, closeCode: null };
  /** Frames of the listener, interleaved. */
  readonly #heard: Buffer[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #onParrot: () => void = () => {};
  #onListenerDone: () => void = () => {};
  /** Resolves when the two-way stream is open. */
  readonly parrotOpen = new Promise<void>((resolve) => {
    this.#onParrot = resolve;
  });
  readonly listenerDone = new Promise<void>((resolve) => {
    this.#onListenerDone = resolve;
  });

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(document: (app: DemoApp) => string): Promise<DemoApp> {
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/xml' }).end(document(app));
    });
    const app = new DemoApp(server);
    server.on('connection', (socket) => {
      app.#sockets.add(socket);
      socket.once('close', () => app.#sockets.delete(socket));
    });
    new WebSocketServer({ server }).on('connection', (socket, request) => {
      if (request.url === '/listen') app.#listen(socket);
      else app.#talk(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return app;
  }

  get #port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get documentUrl(): string {
    return `http://127.0.0.1:${this.#port}/call.xml`;
  }

  socketUrl(path: string): string {
    return `ws://127.0.0.1:${this.#port}${path}`;
  }

  /** What the listener received of one track, at 8 kHz. */
  track(name: 'inbound' | 'outbound'): Int16Array {
    const all = Buffer.concat(this.#heard);
    const samples = new Int16Array(all.length / 4);
    const channel = name === 'outbound' ? 0 : 2;
    for (let i = 0; i < samples.length; i++) samples[i] = all.readInt16LE(i * 4 + channel);
    return samples;
  }

  get rate(): number {
    return RATE;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #listen(socket: WebSocket): void {
    this.#follow(socket, this.listener, (message) => {
      if (message.media) this.#heard.push(Buffer.from(message.media.payload, 'base64'));
    });
    socket.once('close', this.#onListenerDone);
  }

  #talk(socket: WebSocket): void {
    const waiting: string[] = [];
    this.#follow(socket, this.parrot, (message) => {
      if (message.event === 'start') this.#onParrot();
      if (!message.media || socket.readyState !== socket.OPEN) return;
      waiting.push(message.media.payload);
      const payload = waiting.length > ECHO_DELAY_FRAMES ? waiting.shift() : undefined;
      if (payload === undefined) return;
      socket.send(JSON.stringify({ event: 'media', streamSid: message.streamSid, media: { payload } }));
      if (Number(message.media.chunk) % 50 === 0) {
        const name = `second ${Number(message.media.chunk) / 50}`;
        socket.send(JSON.stringify({ event: 'mark', streamSid: message.streamSid, mark: { name } }));
      }
    });
  }

  #follow(socket: WebSocket, heard: StreamHeard, take: (message: AppMessage) => void): void {
    socket.on('message', (data: RawData) => {
      const message = JSON.parse(data.toString()) as AppMessage;
      if (message.dtmf) heard.digits.push(message.dtmf.digit);
      if (message.event === 'stop') heard.stopped = true;
      take(message);
    });
    socket.once('close', (code) => {
      heard.closeCode = code;
    });
    socket.on('error', () => {});
  }
}
