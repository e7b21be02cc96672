/**
 * Work that every call needs once in a while, a part of the calls each second: done for all of them at once it would hold up
 * everything else on the same core, sound included.
 */
import type { CallSid } from './ids.ts';

/** In which of `turns` seconds this call's is; calls are spread over them evenly. */
export function turnOf(sid: CallSid, turns: number): number {
  // A sid ends in random hexadecimal digits.
  return Number.parseInt(sid.slice(-6), 16) % turns;
}
