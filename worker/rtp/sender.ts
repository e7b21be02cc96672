/**
 * Our side of an RTP stream: one SSRC, one sequence space and one clock for audio and events alike
 * (RFC 3550 §5.1, RFC 4733 §2.1). Packets are built in a few buffers used in turn, because a socket may
 * still be reading the last one.
 */
import { randomBytes } from 'node:crypto';
import { RTP_HEADER_BYTES, writeRtpHeader } from './packet.ts';

const BUFFERS = 8;
const UNITS_PER_FRAME = 160;

/** A packet in the making: the payload is a view into the packet. */
interface Slot {
  readonly packet: Uint8Array;
  readonly payload: Uint8Array;
  readonly event: Uint8Array;
}

export class RtpSender {
  readonly ssrc: number;
  readonly #slots: readonly Slot[];
  #turn = 0;
  #sequence: number;
  #timestamp: number;
  #talking = false;
  #packets = 0;
  #octets = 0;

  /** `frameBytes`: payload bytes of 20 ms. The numbers begin at random (RFC 3550 §5.1). */
  constructor(frameBytes: number, random: (bytes: number) => Buffer = randomBytes) {
    const seed = random(10);
    this.ssrc = seed.readUInt32BE(0);
    this.#timestamp = seed.readUInt32BE(4);
    this.#sequence = seed.readUInt16BE(8) & 0x7fff;
    this.#slots = Array.from({ length: BUFFERS }, () => {
      const packet = new Uint8Array(RTP_HEADER_BYTES + Math.max(4, frameBytes));
      return {
        packet: packet.subarray(0, RTP_HEADER_BYTES + frameBytes),
        payload: packet.subarray(RTP_HEADER_BYTES, RTP_HEADER_BYTES + frameBytes),
        event: packet.subarray(0, RTP_HEADER_BYTES + 4),
      };
    });
  }

  get packets(): number {
    return this.#packets;
  }

  get octets(): number {
    return this.#octets;
  }

  /** Timestamp of the frame that is being made. */
  get timestamp(): number {
    return this.#timestamp;
  }

  /** Where the frame of this beat is to be encoded. Lent until `audio`, `event` or `silent` ends the beat. */
  get payload(): Uint8Array {
    return this.#slot().payload;
  }

  /** The packet around what was encoded into `payload`; the first one after silence has the marker. */
  audio(payloadType: number): Uint8Array {
    const { packet } = this.#slot();
    this.#head(packet, !this.#talking, payloadType, this.#timestamp);
    this.#talking = true;
    this.#next();
    return packet;
  }

  /** An event in place of the audio of this beat. */
  event(payloadType: number, marker: boolean, timestamp: number, payload: Uint8Array): Uint8Array {
    const { event } = this.#slot();
    event.set(payload.subarray(0, 4), RTP_HEADER_BYTES);
    this.#head(event, marker, payloadType, timestamp);
    this.#next();
    return event;
  }

  /** Nothing is sent in this beat; time goes on. */
  silent(beats = 1): void {
    this.#talking = false;
    this.#timestamp = (this.#timestamp + beats * UNITS_PER_FRAME) >>> 0;
  }

  #slot(): Slot {
    const slot = this.#slots[this.#turn];
    if (slot === undefined) throw new RangeError('no such packet buffer');
    return slot;
  }

  #head(packet: Uint8Array, marker: boolean, payloadType: number, timestamp: number): void {
    writeRtpHeader(packet, marker, payloadType, this.#sequence, timestamp, this.ssrc);
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#packets += 1;
    this.#octets += packet.length - RTP_HEADER_BYTES;
  }

  #next(): void {
    this.#turn = (this.#turn + 1) % BUFFERS;
    this.#timestamp = (this.#timestamp + UNITS_PER_FRAME) >>> 0;
  }
}
