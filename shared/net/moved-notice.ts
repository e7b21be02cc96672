/**
 * "Your call's media is elsewhere": from the gateway to the media port of an owner that has been replaced, which may have
 * been cut off from Redis and know nothing of it. An RTCP APP packet (RFC 3550 §6.7), alone as RFC 5506 has it, with the
 * version of the session description that moved the media. Signed, as anybody may send to a media port; sent again by
 * somebody else it means nothing to the owner whose version it is, nor to later ones.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { CallSid } from '../kernel/ids.ts';

/** Version 2, subtype 1; payload type APP. */
const FIRST = 0x81;
const APP = 204;
const NAME = 'PIVT';
const VERSION_AT = 12;
const MAC_AT = 20;
const MAC_BYTES = 16;
const BYTES = MAC_AT + MAC_BYTES;

/** `version`: that of the newer owner's description, below 2^53. */
export function writeMoved(key: string, sid: CallSid, version: number): Buffer {
  const packet = Buffer.alloc(BYTES);
  packet.writeUInt8(FIRST, 0);
  packet.writeUInt8(APP, 1);
  packet.writeUInt16BE(BYTES / 4 - 1, 2);
  packet.write(NAME, 8, 'latin1');
  packet.writeBigUInt64BE(BigInt(version), VERSION_AT);
  macOf(key, sid, packet).copy(packet, MAC_AT);
  return packet;
}

/** The version; null when it is anything else, or of another call, or of nobody who knows the key. */
export function readMoved(key: string, sid: CallSid, packet: Uint8Array): number | null {
  if (packet.length !== BYTES) return null;
  const bytes = Buffer.from(packet.buffer, packet.byteOffset, packet.length);
  if (bytes[0] !== FIRST || bytes[1] !== APP || bytes.toString('latin1', 8, VERSION_AT) !== NAME) return null;
  if (!timingSafeEqual(bytes.subarray(MAC_AT), macOf(key, sid, bytes))) return null;
  return Number(bytes.readBigUInt64BE(VERSION_AT));
}

const macOf = (key: string, sid: CallSid, packet: Buffer): Buffer =>
  createHmac('sha256', key).update(sid).update(packet.subarray(0, MAC_AT)).digest().subarray(0, MAC_BYTES);
