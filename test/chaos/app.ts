/**
 * The developer's side of the chaos run, a process of its own: documents, a sound file, callbacks and
 * streams on one port. It answers well and at once, and writes down what reached it and when. Ordered
 * about by `peer.ts` over IPC.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { sine } from '../support/tone.ts';
import { wavOf } from '../support/wav-samples.ts';
import type { AppOrder, AppReply, CallbackSeen, SocketSeen } from './app-orders.ts';
import { documentOf } from './documents.ts';
import { Listener } from './listener.ts';
import { Talker } from './talker.ts';

const SOUND = wavOf(sine(440, 8000, 8000), 8000);

type Told = 'holes' | 'heard' | 'zeroMs' | 'lagMs' | 'markMs' | 'quietTenthDb' | 'quietHundredthDb';
type Seen = { -readonly [Key in Exclude<keyof SocketSeen, Told>]: SocketSeen[Key] };

const callbacks: CallbackSeen[] = [];
const sockets: { readonly seen: Seen; readonly listener: Listener; talker: Talker | null }[] = [];
/** Until when, by wall time, no socket is taken. */
let cutUntil = 0;
let documents = 0;

const server = createServer((request, response) => void answer(request, response));
// Whoever pools connections to it lets go of one after a second: what is left open is looked for after each fault.
server.keepAliveTimeout = 2000;
const upgrades = new WebSocketServer({
  server,
  perMessageDeflate: false,
  verifyClient: () => Date.now() >= cutUntil,
});
upgrades.on('connection', (socket, request) => listen(socket, request.url ?? '/'));

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://app');
  let body = '';
  for await (const chunk of request) body += chunk;
  if (url.pathname.startsWith('/status')) {
    keep(new URLSearchParams(body));
    response.writeHead(200).end();
  } else if (url.pathname === '/sound.wav') {
    response.writeHead(200, { 'Content-Type': 'audio/wav' }).end(SOUND);
  } else {
    documents += 1;
    const [, kind = '', number = ''] = /^\/document\/([^/]+)\/([^/]+)$/.exec(url.pathname) ?? [];
    if (kind === 'slow') await new Promise((resolve) => setTimeout(resolve, 3000));
    response.writeHead(200, { 'Content-Type': 'text/xml' }).end(documentOf(kind, number, port()));
  }
}

function keep(form: URLSearchParams): void {
  callbacks.push({
    call: form.get('CallSid') ?? '',
    sequence: form.get('SequenceNumber') ?? '',
    status: form.get('CallStatus') ?? '',
    at: Date.now(),
  });
}

function listen(socket: WebSocket, path: string): void {
  const seen: Seen = {
    path,
    stream: null,
    reconnected: false,
    openedAt: Date.now(),
    media: 0,
    lastMediaAt: null,
    closedAt: null,
    closeCode: null,
    stopReason: null,
  };
  const listener = new Listener();
  const kept: (typeof sockets)[number] = { seen, listener, talker: null };
  sockets.push(kept);
  socket.on('message', (data: Buffer, isBinary) => {
    const now = Date.now();
    const text = isBinary ? '' : data.toString('latin1');
    if (isBinary || text.startsWith('{"event":"media"')) {
      seen.media += 1;
      seen.lastMediaAt = now;
      if (!isBinary) listener.media(text, now);
    } else if (text.includes('"event":"start"')) {
      const start = JSON.parse(text) as { streamSid: string; start: { reconnected?: boolean } };
      seen.stream = start.streamSid;
      seen.reconnected = start.start.reconnected === true;
      if (path.includes('/two-way/')) kept.talker = new Talker(socket, start.streamSid);
    } else if (text.includes('"event":"mark"')) {
      kept.talker?.played((JSON.parse(text) as { mark: { name: string } }).mark.name);
    } else if (text.includes('"event":"stop"')) {
      seen.stopReason = (JSON.parse(text) as { stop: { reason?: string } }).stop.reason ?? '';
    }
  });
  socket.on('close', (code) => {
    seen.closedAt = Date.now();
    seen.closeCode = code;
    kept.talker?.close();
  });
  socket.on('error', () => {});
}

/** Streams go on: their sockets are the server's no longer. */
function restart(ms: number): void {
  const at = port();
  server.close();
  server.closeAllConnections();
  setTimeout(() => server.listen(at, '127.0.0.1'), ms);
}

const port = (): number => (server.address() as AddressInfo).port;

function report({ seen, listener, talker }: (typeof sockets)[number]): SocketSeen {
  const { holes, heard, zeroMs, lagMs } = listener;
  const [quietTenthDb, quietHundredthDb] = [listener.quietDb(0.1), listener.quietDb(0.01)];
  return { ...seen, holes, heard, zeroMs, lagMs, markMs: talker?.markMs ?? null, quietTenthDb, quietHundredthDb };
}

function obey(order: AppOrder): AppReply {
  switch (order.kind) {
    case 'report':
      return { kind: 'seen', callbacks, sockets: sockets.map(report), documents };
    case 'cut':
      cutUntil = Date.now() + order.ms;
      for (const socket of upgrades.clients) socket.terminate();
      return { kind: 'done' };
    case 'restart':
      restart(order.ms);
      return { kind: 'done' };
    case 'hold':
      for (const { talker } of sockets) talker?.hold(order.ms);
      return { kind: 'done' };
    case 'poison':
      for (const { seen, talker } of sockets) if (seen.path === order.path) talker?.say(order.word);
      return { kind: 'done' };
    case 'listen':
      for (const { listener } of sockets) listener.begin();
      return { kind: 'done' };
    case 'forget':
      callbacks.length = 0;
      sockets.length = 0;
      documents = 0;
      return { kind: 'done' };
  }
}

process.on('message', ({ id, order }: { id: number; order: AppOrder }) => {
  process.send?.({ id, reply: obey(order) });
});
process.once('disconnect', () => process.exit(0));
server.listen(0, '127.0.0.1');
server.once('listening', () => {
  process.send?.({ id: 0, reply: { kind: 'ready', port: port() } satisfies AppReply });
});
