/**
 * Tells owners that were replaced that they are: `shared/net/moved-notice.ts` to the RTCP port of the media they had. One that
 * is gone gets it for nothing; one that was only cut off from Redis falls silent before its successor speaks, as that waits
 * for the far end's answer. Opened by `main.ts`, which closes it.
 */
import dgram from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Clock, Timer } from '../../shared/kernel/clock.ts';
import type { CallSid } from '../../shared/kernel/ids.ts';
import { writeMoved } from '../../shared/net/moved-notice.ts';
import type { MediaPlace } from './media-place.ts';

/** A packet may be lost on its way. */
const SEND_AFTER_MS = [0, 100, 400] as const;

export class MovedNotices {
  readonly #key: string;
  readonly #clock: Clock;
  readonly #timers = new Set<Timer>();
  readonly #sockets = new Map<'udp4' | 'udp6', dgram.Socket>();

  /** `key`: what gateway and workers share, `AUTH_TOKEN`. */
  constructor(key: string, clock: Clock) {
    this.#key = key;
    this.#clock = clock;
  }

  /** `from`: the media of the owner that was replaced. `version`: that of its successor's description. */
  tell(sid: CallSid, from: MediaPlace, version: number): void {
    const packet = writeMoved(this.#key, sid, version);
    for (const delayMs of SEND_AFTER_MS) {
      const timer = this.#clock.after(delayMs, () => {
        this.#timers.delete(timer);
        this.#socketFor(from).send(packet, from.port + 1, from.address, () => {
          if (this.#timers.size === 0) this.#closeSockets();
        });
      });
      this.#timers.add(timer);
    }
  }

  close(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    this.#closeSockets();
  }

  /** Nobody is moved now, as most of the time. */
  #closeSockets(): void {
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }

  #socketFor({ address }: MediaPlace): dgram.Socket {
    const type = isIPv6(address) ? 'udp6' : 'udp4';
    const known = this.#sockets.get(type);
    if (known) return known;
    const socket = dgram.createSocket(type);
    socket.on('error', () => {});
    socket.unref();
    this.#sockets.set(type, socket);
    return socket;
  }
}
