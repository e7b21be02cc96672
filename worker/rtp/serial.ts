/** Serial number arithmetic (RFC 1982) for RTP's wrapping sequence numbers and timestamps. */

/** `to - from` for 16-bit numbers, in −32768 … 32767. */
export const sequenceDistance = (from: number, to: number): number => ((to - from) << 16) >> 16;

/** `to - from` for 32-bit numbers, in −2^31 … 2^31 − 1. */
export const timestampDistance = (from: number, to: number): number => (to - from) | 0;
