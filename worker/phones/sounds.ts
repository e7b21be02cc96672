/** Sounds that phones make by themselves: tones and a chime whose notes can be told apart by ear and by Goertzel. */

const RATE = 8000;
const LEVEL = 0.35;
/** Rise and fall of a note, against clicks. */
const RAMP = 40;

/** A sine at 8 kHz; 0 Hz is silence. */
export function tone(hertz: number, ms: number): Int16Array {
  const count = Math.round((ms * RATE) / 1000);
  const samples = new Int16Array(count);
  if (hertz === 0) return samples;
  for (let index = 0; index < count; index++) {
    const edge = Math.min(1, index / RAMP, (count - 1 - index) / RAMP);
    samples[index] = Math.round(LEVEL * 32_767 * edge * Math.sin((2 * Math.PI * hertz * index) / RATE));
  }
  return samples;
}

/** The notes of the chime in Hz. */
export const CHIME_HERTZ = [440, 554, 659] as const;

/** One round of the chime: three notes of 300 ms and a rest, 1.2 s in all. */
export function chime(): Int16Array {
  const parts = [...CHIME_HERTZ.map((hertz) => tone(hertz, 300)), tone(0, 300)];
  const all = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
