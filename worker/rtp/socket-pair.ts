/**
 * The two UDP sockets of a leg: RTP on an even port, RTCP on the next (RFC 3550 §11). The pair comes from
 * the pool and goes back to it when the sockets are closed. A port that somebody else holds is skipped.
 */
import dgram from 'node:dgram';
import dns from 'node:dns';
import { isIP } from 'node:net';
import type { MediaAddress } from './latch.ts';
import type { PortPair, PortPool } from './ports.ts';

/** Room for bursts: the default of 208 kB is shared with the kernel's own overhead. */
const RECEIVE_BUFFER_BYTES = 512 * 1024;
/** Pairs tried before giving up: other processes on this host may share the range. */
const TRIES = 1000;

export type Datagram = (data: Uint8Array, source: MediaAddress) => void;

export interface SocketPairOptions {
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

/**
 * Addresses are given as numbers, so that no packet waits for a resolver. The last two arguments are
 * always there, whatever the types say.
 */
const lookup: NonNullable<dgram.SocketOptions['lookup']> = (host, options, callback) => {
  const family = isIP(host);
  if (family !== 0) callback(null, host, family);
  else dns.lookup(host, options, callback);
};

function bind(host: string, port: number, onMessage: Datagram): Promise<dgram.Socket> {
  const socket = dgram.createSocket({
    type: isIP(host) === 6 ? 'udp6' : 'udp4',
    recvBufferSize: RECEIVE_BUFFER_BYTES,
    lookup,
  });
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void => {
      socket.close();
      reject(error);
    };
    socket.once('error', onError);
    socket.bind({ address: host, port, exclusive: true }, () => {
      socket.off('error', onError);
      socket.on('message', onMessage);
      resolve(socket);
    });
  });
}

const isTaken = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'EADDRINUSE' || error.code === 'EACCES');

async function tryPair(options: SocketPairOptions, pair: PortPair): Promise<SocketPair> {
  const rtp = await bind(options.host, pair.rtp, options.onRtp);
  let rtcp: dgram.Socket;
  try {
    rtcp = await bind(options.host, pair.rtcp, options.onRtcp);
  } catch (error) {
    rtp.close();
    throw error;
  }
  rtp.on('error', options.onError);
  rtcp.on('error', options.onError);
  let open = true;
  return {
    port: pair.rtp,
    sendRtp: (packet, to) => {
      if (open) rtp.send(packet, to.port, to.address);
    },
    sendRtcp: (packet, to) => {
      if (open) rtcp.send(packet, to.port, to.address);
    },
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
