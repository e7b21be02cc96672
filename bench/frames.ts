/**
 * Frames that can be told apart after a round trip: 160 bytes of µ-law that carry a call's index and
 * a frame's number, in codes that survive decoding and encoding again unchanged (all but −0).
 */

const MAGIC = [0x11, 0x91, 0x22, 0xa2] as const;
const DIGITS = 4;
/** Six bits a byte, in the positive half of the code. */
const BASE = 64;
const FIRST_CODE = 0x80;
export const FRAME_BYTES = 160;
const FIELD_BYTES = MAGIC.length + 2 * DIGITS;

/** Writes the frame at `offset`: magic, call, number, over and over until the frame is full. */
export function writeFrame(into: Buffer, offset: number, call: number, frame: number): void {
  for (let at = offset; at + FIELD_BYTES <= offset + FRAME_BYTES; at += FIELD_BYTES) {
    for (let i = 0; i < MAGIC.length; i++) into[at + i] = MAGIC[i] ?? 0;
    writeNumber(into, at + MAGIC.length, call);
    writeNumber(into, at + MAGIC.length + DIGITS, frame);
  }
  into.fill(0xd5, offset + FRAME_BYTES - (FRAME_BYTES % FIELD_BYTES), offset + FRAME_BYTES);
}

/** The frame number in a payload of that call, or −1: silence, concealment or a mixture. */
export function readFrame(payload: Buffer, from: number, to: number, call: number): number {
  for (let at = from; at + FIELD_BYTES <= to; at++) {
    if (
      payload[at] !== MAGIC[0] ||
      payload[at + 1] !== MAGIC[1] ||
      payload[at + 2] !== MAGIC[2] ||
      payload[at + 3] !== MAGIC[3]
    )
      continue;
    if (readNumber(payload, at + MAGIC.length) !== call) continue;
    return readNumber(payload, at + MAGIC.length + DIGITS);
  }
  return -1;
}

function writeNumber(into: Buffer, at: number, value: number): void {
  let rest = value;
  for (let i = DIGITS - 1; i >= 0; i--) {
    into[at + i] = FIRST_CODE + (rest % BASE);
    rest = Math.floor(rest / BASE);
  }
}

function readNumber(from: Buffer, at: number): number {
  let value = 0;
  for (let i = 0; i < DIGITS; i++) value = value * BASE + ((from[at + i] ?? FIRST_CODE) - FIRST_CODE);
  return value;
}
