/**
 * The RTP header (RFC 3550 §5.1), read and written by hand on the hot path: nothing is allocated,
 * and whatever the network sends is either understood within its bounds or refused.
 * Padding, CSRC and header extensions are stepped over; nothing of them is kept.
 */

/** Bytes of the header we write: no CSRC, no extension. */
export const RTP_HEADER_BYTES = 12;

/** Longest packet accepted: 200 ms of G.711 and a generous header. */
export const RTP_PACKET_MAX_BYTES = 2048;

/** A header that was read; made once and filled again for each packet. */
export interface RtpHeader {
  marker: boolean;
  payloadType: number;
  /** 16 bit. */
  sequence: number;
  /** 32 bit, in units of the payload's clock. */
  timestamp: number;
  ssrc: number;
  /** The payload is `packet.subarray(payloadStart, payloadEnd)`. */
  payloadStart: number;
  payloadEnd: number;
}

export const newRtpHeader = (): RtpHeader => ({
  marker: false,
  payloadType: 0,
  sequence: 0,
  timestamp: 0,
  ssrc: 0,
  payloadStart: 0,
  payloadEnd: 0,
});

const u16 = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
const u32 = (bytes: Uint8Array, at: number): number => u16(bytes, at) * 65_536 + u16(bytes, at + 2);

/** Where the payload begins behind CSRCs and an extension; past the end when they do not fit. */
function payloadOffset(packet: Uint8Array, first: number): number {
  const csrcEnd = RTP_HEADER_BYTES + (first & 0x0f) * 4;
  if ((first & 0x10) === 0) return csrcEnd;
  return csrcEnd + 4 > packet.length ? Number.POSITIVE_INFINITY : csrcEnd + 4 + u16(packet, csrcEnd + 2) * 4;
}

/**
 * Fills `into` from a datagram. False when it is not RTP: wrong version, too short, too long, a
 * padding or extension that does not fit, or RTCP on the same port (RFC 5761 §4).
 */
export function readRtp(packet: Uint8Array, into: RtpHeader): boolean {
  const length = packet.length;
  if (length < RTP_HEADER_BYTES || length > RTP_PACKET_MAX_BYTES) return false;
  const first = packet[0] ?? 0;
  const second = packet[1] ?? 0;
  if (first >> 6 !== 2) return false;
  const payloadType = second & 0x7f;
  if (payloadType >= 64 && payloadType <= 95) return false;
  const start = payloadOffset(packet, first);
  const padding = (first & 0x20) === 0 ? 0 : (packet[length - 1] ?? 0);
  if ((first & 0x20) !== 0 && padding === 0) return false;
  const end = length - padding;
  if (start > end) return false;
  into.marker = (second & 0x80) !== 0;
  into.payloadType = payloadType;
  into.sequence = u16(packet, 2);
  into.timestamp = u32(packet, 4);
  into.ssrc = u32(packet, 8);
  into.payloadStart = start;
  into.payloadEnd = end;
  return true;
}

/** Writes the twelve bytes in front of a payload. Numbers are taken modulo their width. */
export function writeRtpHeader(
  into: Uint8Array,
  marker: boolean,
  payloadType: number,
  sequence: number,
  timestamp: number,
  ssrc: number,
): void {
  into[0] = 0x80;
  into[1] = (marker ? 0x80 : 0) | (payloadType & 0x7f);
  into[2] = sequence >>> 8;
  into[3] = sequence;
  writeU32(into, 4, timestamp);
  writeU32(into, 8, ssrc);
}

function writeU32(into: Uint8Array, at: number, value: number): void {
  into[at] = value >>> 24;
  into[at + 1] = value >>> 16;
  into[at + 2] = value >>> 8;
  into[at + 3] = value;
}
