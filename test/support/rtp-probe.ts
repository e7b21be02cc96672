/** A bare RTP peer for tests: sends packets of any numbers and keeps what it gets. */
import dgram from 'node:dgram';
import { once } from 'node:events';
import type { MediaAddress } from '../../worker/rtp/latch.ts';
import { newRtpHeader, RTP_HEADER_BYTES, type RtpHeader, readRtp, writeRtpHeader } from '../../worker/rtp/packet.ts';

export interface ProbePacket {
  readonly header: RtpHeader;
  readonly payload: Uint8Array;
}

export interface PacketToSend {
  readonly sequence: number;
  readonly timestamp: number;
  readonly payload: Uint8Array;
  readonly payloadType?: number;
  readonly ssrc?: number;
  readonly marker?: boolean;
}

export class RtpProbe {
  readonly #socket: dgram.Socket;
  readonly #datagrams: Uint8Array[] = [];

  private constructor(socket: dgram.Socket) {
    this.#socket = socket;
    socket.on('message', (data) => this.#datagrams.push(Uint8Array.from(data)));
  }

  static async open(): Promise<RtpProbe> {
    const socket = dgram.createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new RtpProbe(socket);
  }

  get address(): MediaAddress {
    return { address: '127.0.0.1', port: this.#socket.address().port };
  }

  /** Datagrams so far. */
  get count(): number {
    return this.#datagrams.length;
  }

  send(port: number, packet: PacketToSend): Promise<void> {
    const bytes = new Uint8Array(RTP_HEADER_BYTES + packet.payload.length);
    const { marker = false, payloadType = 0, ssrc = 1, sequence, timestamp } = packet;
    writeRtpHeader(bytes, marker, payloadType, sequence, timestamp, ssrc);
    bytes.set(packet.payload, RTP_HEADER_BYTES);
    return this.sendRaw(port, bytes);
  }

  sendRaw(port: number, bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.send(bytes, port, '127.0.0.1', (error) => (error ? reject(error) : resolve()));
    });
  }

  /** The first `count` packets, as soon as they are there. @throws when they are not within two seconds. */
  async received(count: number): Promise<ProbePacket[]> {
    const signal = AbortSignal.timeout(2000);
    while (this.#datagrams.length < count) await once(this.#socket, 'message', { signal });
    return this.#datagrams.slice(0, count).map((data) => {
      const header = newRtpHeader();
      if (!readRtp(data, header)) throw new Error('not RTP');
      return { header, payload: data.subarray(header.payloadStart, header.payloadEnd) };
    });
  }

  /** The first datagram as it came. */
  async raw(): Promise<Uint8Array> {
    if (this.#datagrams.length === 0) await once(this.#socket, 'message', { signal: AbortSignal.timeout(2000) });
    return this.#datagrams[0] ?? new Uint8Array();
  }

  close(): void {
    this.#socket.close();
  }
}
