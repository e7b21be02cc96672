/**
 * The two UDP sockets of a leg: RTP on an even port, RTCP on the next (RFC 3550 §11). The pair comes from
 * the pool and goes back to it when the sockets are closed. A port that somebody else holds is skipped.
 */
import type { BindDatagram, DatagramSocket } from '../sockets/datagram.ts';
import type { MediaAddress } from './latch.ts';
import type { PortPair, PortPool } from './ports.ts';

/** Pairs tried before giving up: other processes on this host may share the range. */
const TRIES = 1000;

/** Both are lent until this returns. */
export type Datagram = (data: Uint8Array, source: MediaAddress) => void;

export interface SocketPairOptions {
  readonly bind: BindDatagram;
  readonly host: string;
  readonly ports: PortPool;
  readonly onRtp: Datagram;
  readonly onRtcp: Datagram;
  /** A socket reported an error; it stays open. */
  readonly onError: (error: Error) => void;
}

export interface SocketPair {
  /** The RTP port; RTCP is the next one. */
  readonly port: number;
  /** Sends at once or not at all. The buffer must stay as it is until the next few packets. */
  sendRtp(packet: Uint8Array, to: MediaAddress): void;
  sendRtcp(packet: Uint8Array, to: MediaAddress): void;
  /** Idempotent. */
  close(): void;
}

const isTaken = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'EADDRINUSE' || error.code === 'EACCES');

async function tryPair(options: SocketPairOptions, pair: PortPair): Promise<SocketPair> {
  const { bind, host, onRtp, onRtcp, onError } = options;
  const rtp = await bind(host, pair.rtp, { onDatagram: onRtp, onError });
  let rtcp: DatagramSocket;
  try {
    rtcp = await bind(host, pair.rtcp, { onDatagram: onRtcp, onError });
  } catch (error) {
    rtp.close();
    throw error;
  }
  let open = true;
  return {
    port: pair.rtp,
    sendRtp: (packet, to) => rtp.send(packet, to),
    sendRtcp: (packet, to) => rtcp.send(packet, to),
    close: () => {
      if (!open) return;
      open = false;
      rtp.close();
      rtcp.close();
      options.ports.release(pair);
    },
  };
}

/**
 * Opens both sockets.
 * @throws PortsFull when the pool has no pair; the system's error when the host is not ours.
 */
export async function openSocketPair(options: SocketPairOptions): Promise<SocketPair> {
  for (let attempt = 1; ; attempt++) {
    const pair = options.ports.take();
    try {
      return await tryPair(options, pair);
    } catch (error) {
      options.ports.release(pair);
      if (!isTaken(error) || attempt >= TRIES) throw error;
    }
  }
}
