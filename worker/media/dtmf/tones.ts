/** The sixteen digits as pairs of tones (ITU-T Q.23) and how they are made (Q.24 for times and levels). */
import { saturate } from '../mixer.ts';

export const LOW_HERTZ = [697, 770, 852, 941] as const;
export const HIGH_HERTZ = [1209, 1336, 1477, 1633] as const;

const KEYPAD = ['123A', '456B', '789C', '*0#D'] as const;

/** The digit of a row (low tone) and a column (high tone). */
export const digitAt = (row: number, column: number): string => KEYPAD[row]?.[column] ?? '';

/** Null when it is not one of `0`–`9`, `*`, `#`, `A`–`D`. */
export function tonesOf(digit: string): { readonly low: number; readonly high: number } | null {
  for (const [row, digits] of KEYPAD.entries()) {
    const column = digit.length === 1 ? digits.indexOf(digit.toUpperCase()) : -1;
    const [low, high] = [LOW_HERTZ[row], HIGH_HERTZ[column]];
    if (low !== undefined && high !== undefined) return { low, high };
  }
  return null;
}

export interface ToneShape {
  readonly rate: number;
  /** Length of the tone; default 100. */
  readonly toneMs?: number;
  /** Silence behind it; default 100. */
  readonly gapMs?: number;
  /** Level of the low tone in dBFS (a full-scale sine is 0); default −10. */
  readonly lowDb?: number;
  /** Level of the high tone; default −8: lines damp high tones more. */
  readonly highDb?: number;
}

/** `w` half a second and `W` a second of silence, digits as tones. Null when there is another character. */
export function dtmfTones(digits: string, shape: ToneShape): Int16Array | null {
  const { rate, toneMs = 100, gapMs = 100 } = shape;
  const count = (ms: number): number => Math.round((ms * rate) / 1000);
  const parts: Int16Array[] = [];
  for (const digit of digits) {
    const pauseMs = digit === 'w' ? 500 : digit === 'W' ? 1000 : 0;
    const tones = tonesOf(digit);
    if (pauseMs > 0) parts.push(new Int16Array(count(pauseMs)));
    else if (tones) parts.push(pair(tones, count(toneMs), shape), new Int16Array(count(gapMs)));
    else return null;
  }
  const all = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Both sines, with 2 ms of rise and fall so that the ends do not click. */
function pair({ low, high }: { low: number; high: number }, length: number, shape: ToneShape): Int16Array {
  const { rate, lowDb = -10, highDb = -8 } = shape;
  const [lowPeak, highPeak] = [32_767 * 10 ** (lowDb / 20), 32_767 * 10 ** (highDb / 20)];
  const ramp = Math.max(1, Math.round(rate / 500));
  return Int16Array.from({ length }, (_, i) => {
    const edge = Math.min(1, (i + 1) / ramp, (length - i) / ramp);
    const sum =
      lowPeak * Math.sin((2 * Math.PI * low * i) / rate) + highPeak * Math.sin((2 * Math.PI * high * i) / rate);
    return saturate(Math.round(edge * sum));
  });
}
