/** A UDP socket as RTP wants it: what came is lent, what is sent goes at once or not at all. */

export interface SocketAddress {
  readonly address: string;
  readonly port: number;
}

export interface DatagramDelegate {
  /** `bytes` and `source` are lent until this returns. */
  onDatagram(bytes: Uint8Array, source: SocketAddress): void;
  /** The socket reported an error; it stays open. */
  onError(error: Error): void;
}

export interface DatagramSocket {
  /** To a numeric address. The buffer must stay as it is until the next few are sent. */
  send(bytes: Uint8Array, to: SocketAddress): void;
  /** Idempotent. */
  close(): void;
}

/**
 * Binds to an address and port that nobody else has.
 * @throws the system's error (`code`: EADDRINUSE, EACCES, EADDRNOTAVAIL, …).
 */
export type BindDatagram = (host: string, port: number, delegate: DatagramDelegate) => Promise<DatagramSocket>;

/** Room for bursts: the default of 208 kB is shared with the kernel's own overhead. */
export const RECEIVE_BUFFER_BYTES = 512 * 1024;
