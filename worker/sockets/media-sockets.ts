/**
 * How a thread reaches the network with audio: by the addon, which has one wake-up for all its sockets, or by Node's own
 * sockets, which are everywhere. Both keep the same contract. Owned by the thread, which closes it.
 */
import net from 'node:net';
import { loadAddon } from './addon.ts';
import type { BindDatagram } from './datagram.ts';
import { nativeDatagrams } from './native-datagram.ts';
import { adoptWebSocket } from './native-web-socket.ts';
import { bindNodeDatagram } from './node-datagram.ts';
import type { OpenWebSocket, OpenWebSocketDelegate } from './open-web-socket.ts';
import { Reactor } from './reactor.ts';

/** Takes over the connection of a WebSocket that is open, of which nothing was read yet. */
export type Adopt = (transport: net.Socket, delegate: OpenWebSocketDelegate) => OpenWebSocket;

export interface MediaSockets {
  readonly kind: 'native' | 'node';
  readonly bind: BindDatagram;
  /** Null where the WebSocket stays as it is. */
  readonly adopt: Adopt | null;
  /**
   * Has the kernel keep little of what a TCP or TLS connection is given and cannot send: what waits longer waits with us,
   * where the oldest can be dropped. Null where it cannot be told: by itself it takes megabytes, minutes of audio.
   */
  readonly limitUnsent: ((transport: net.Socket) => void) | null;
  /** Closes what is still open. Idempotent. */
  close(): void;
}

/** Node's own. */
export const nodeSockets: MediaSockets = {
  kind: 'node',
  bind: bindNodeDatagram,
  adopt: null,
  limitUnsent: null,
  close: () => {},
};

/** More than a second of audio in most formats; what is on its way does not count. */
const UNSENT_BYTES = 16_384;

/**
 * `auto`: the addon's where it was built, else Node's; `onProblem` is told why not, when it was built and cannot be used.
 * One for each thread may be the addon's.
 * @throws Error when `native` was asked for and was not built here, or cannot be loaded.
 */
export function openMediaSockets(
  choice: 'auto' | 'native' | 'node',
  onProblem: (error: unknown) => void = () => {},
): MediaSockets {
  try {
    return openChosen(choice);
  } catch (error) {
    if (choice !== 'auto') throw error;
    onProblem(error);
    return nodeSockets;
  }
}

function openChosen(choice: 'auto' | 'native' | 'node'): MediaSockets {
  const addon = choice === 'node' ? null : loadAddon();
  if (addon === null) {
    if (choice === 'native')
      throw new Error('MEDIA_SOCKETS=native, but the addon was not built: npm run build says why');
    return nodeSockets;
  }
  const reactor = new Reactor(addon);
  return {
    kind: 'native',
    bind: nativeDatagrams(reactor),
    adopt: (transport, delegate) => takeOver(reactor, transport, delegate),
    limitUnsent: (transport) => void addon.limitUnsent(descriptorOf(transport), UNSENT_BYTES),
    close: () => reactor.close(),
  };
}

/** A TCP socket has a descriptor, and TLS that of the one below it, which Node does not show in its types. */
interface WithDescriptor {
  readonly _handle?: { readonly fd?: number } | null;
}

/** Whether a connection is one that can be taken over: TCP, and not TLS. */
export function isPlain(transport: net.Socket): boolean {
  return transport.constructor === net.Socket && descriptorOf(transport) >= 0;
}

function descriptorOf(transport: net.Socket): number {
  return (transport as WithDescriptor)._handle?.fd ?? -1;
}

function takeOver(reactor: Reactor, transport: net.Socket, delegate: OpenWebSocketDelegate): OpenWebSocket {
  // Else what is read here would go to its reader as well.
  transport.removeAllListeners('data');
  transport.pause();
  const head: Buffer | null = transport.read();
  const socket = adoptWebSocket(reactor, descriptorOf(transport), head ?? Buffer.alloc(0), delegate);
  // Its duplicate lives on.
  transport.destroy();
  return socket;
}
