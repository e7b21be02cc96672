/**
 * One attempt to open a WebSocket: TCP, TLS and the upgrade (RFC 6455 §4.1), by `ws`. Once it is open the addon takes the
 * connection over where there is one; over TLS it stays with `ws`.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { type ClientOptions, WebSocket } from 'ws';
import type { Clock } from '../../shared/kernel/clock.ts';
import type { DestinationGuard } from '../../shared/net/destination.ts';
import { signatureHeaders } from '../../shared/net/signature.ts';
import { isPlain, type MediaSockets, nodeSockets } from '../sockets/media-sockets.ts';
import {
  MAX_FRAGMENTS,
  MAX_MESSAGE_BYTES,
  MAX_PENDING_PONGS,
  type OpenWebSocket,
  type OpenWebSocketDelegate,
} from '../sockets/open-web-socket.ts';
import { drawMask, WsSocket } from './ws-socket.ts';

export interface DialOptions {
  readonly clock: Clock;
  readonly guard: DestinationGuard;
  readonly authToken: string;
  /** What `wss:` trusts and shows; absent or null: Node's defaults. */
  readonly tls?: SecureContext | null;
  /** Absent: Node's own. */
  readonly sockets?: MediaSockets;
  /** How long a far end that was told goodbye may keep the connection open. */
  readonly closeTimeoutMs: number;
}

export interface DialDelegate {
  /** TCP is up; the upgrade has been asked for. */
  onConnected(): void;
  /** The upgrade was refused. Final. */
  onStatus(status: number): void;
  /** It could not be opened. Final. */
  onFailed(error: Error): void;
  /** It is open. Final; from here on the answer is told. */
  onOpen(socket: OpenWebSocket): void;
  /** Whom to tell what comes over the open socket. */
  readonly whenOpen: OpenWebSocketDelegate;
}

export interface Dial {
  /** Gives up, without a word. */
  terminate(): void;
}

/**
 * Dials at once; nothing is told before this returns.
 * @throws SyntaxError for a URL that is none, DestinationForbidden for one that may not be called.
 */
export function dial(
  url: string,
  headers: Readonly<Record<string, string>>,
  options: DialOptions,
  to: DialDelegate,
): Dial {
  options.guard.check(url);
  let transport: Socket | null = null;
  let ended = false;
  const end = (tell: () => void): void => {
    if (ended) return;
    ended = true;
    tell();
  };
  const socket = new WebSocket(
    url,
    clientOptions(url, headers, options, () => ended || to.onConnected()),
  );
  socket.on('upgrade', (response: IncomingMessage) => {
    transport = response.socket;
  });
  socket.on('open', () =>
    end(() => {
      try {
        to.onOpen(opened(socket, transport, options.sockets ?? nodeSockets, to.whenOpen));
      } catch (error) {
        // No descriptor was left for the take-over.
        socket.terminate();
        to.onFailed(error instanceof Error ? error : new Error(String(error)));
      }
    }),
  );
  socket.on('unexpected-response', (request, response) => {
    request.destroy();
    end(() => to.onStatus(response.statusCode ?? 0));
  });
  socket.on('error', (error) => end(() => to.onFailed(error)));
  return {
    terminate: () => {
      ended = true;
      socket.terminate();
    },
  };
}

function opened(
  socket: WebSocket,
  transport: Socket | null,
  { adopt, limitUnsent }: MediaSockets,
  delegate: OpenWebSocketDelegate,
): OpenWebSocket {
  if (transport !== null) limitUnsent?.(transport);
  if (adopt === null || transport === null || !isPlain(transport)) return new WsSocket(socket, delegate);
  // What is told of the connection from here on is that it was handed over.
  socket.removeAllListeners();
  socket.on('error', () => {});
  return adopt(transport, delegate);
}

function clientOptions(
  url: string,
  headers: Readonly<Record<string, string>>,
  { guard, tls = null, authToken, clock, closeTimeoutMs }: DialOptions,
  onConnected: () => void,
): ClientOptions {
  // What this version of ws knows and its type declarations do not.
  const undeclared = {
    lookup: guard.lookup,
    maxFragments: MAX_FRAGMENTS,
    maxPendingAutoPongs: MAX_PENDING_PONGS,
    closeTimeout: closeTimeoutMs,
  };
  return {
    headers: { ...headers, 'User-Agent': 'pivot-streams', ...signatureHeaders(authToken, { url }, clock.now()) },
    followRedirects: false,
    perMessageDeflate: false,
    generateMask: drawMask,
    maxPayload: MAX_MESSAGE_BYTES,
    ...undeclared,
    ...(tls === null ? {} : { secureContext: tls }),
    finishRequest: (request) => {
      request.on('socket', (transport) => transport.once('connect', onConnected));
      request.end();
    },
  };
}
