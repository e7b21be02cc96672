/** An open WebSocket by either kind of sockets, and everything that came over it. */
import { systemClock } from '../../shared/kernel/clock.ts';
import { createDestinationGuard } from '../../shared/net/destination.ts';
import type { MediaSockets } from '../../worker/sockets/media-sockets.ts';
import type { OpenWebSocket } from '../../worker/sockets/open-web-socket.ts';
import { dial } from '../../worker/stream/dial.ts';

const guard = createDestinationGuard({ allowPrivate: true });

export interface Client {
  readonly socket: OpenWebSocket;
  /** Text messages as they are, binary ones as their bytes. */
  readonly messages: (string | Buffer)[];
  /** Rules that were broken, in order. */
  readonly broken: string[];
  readonly pongs: () => number;
  /** The code it went with. */
  readonly gone: Promise<number>;
}

/** Dials, and resolves when the socket is open. `onFrame`: a message, a ping or a pong came. */
export function openClient(url: string, sockets: MediaSockets, onFrame: () => void = () => {}): Promise<Client> {
  const messages: (string | Buffer)[] = [];
  const broken: string[] = [];
  let pongs = 0;
  let leave = (_code: number): void => {};
  const gone = new Promise<number>((resolve) => {
    leave = resolve;
  });
  const take = (message: string | Buffer): void => {
    messages.push(message);
    onFrame();
  };
  return new Promise((resolve, reject) => {
    dial(
      url,
      {},
      { clock: systemClock, guard, authToken: 'a token', sockets, closeTimeoutMs: 2_000 },
      {
        onConnected: () => {},
        onStatus: (status) => reject(new Error(`status ${status}`)),
        onFailed: reject,
        onOpen: (socket) => resolve({ socket, messages, broken, pongs: () => pongs, gone }),
        whenOpen: {
          onText: take,
          onBinary: take,
          onPing: onFrame,
          onPong: () => {
            pongs += 1;
            onFrame();
          },
          onClosing: () => {},
          onBroken: (rule) => broken.push(rule),
          onGone: (code) => leave(code),
        },
      },
    );
  });
}
