/** Ears for tests: make a sine, hear one (Goertzel), measure level, distance and noise. */

/** A sine of `ms` milliseconds; `level` is its peak, 0 to 1. */
export function sine(hertz: number, ms: number, rate: number, level = 0.5): Int16Array {
  const samples = new Int16Array(Math.round((ms * rate) / 1000));
  for (let i = 0; i < samples.length; i++) {
    samples[i] = Math.round(level * 32_767 * Math.sin((2 * Math.PI * hertz * i) / rate));
  }
  return samples;
}

export function concat(...parts: readonly Int16Array[]): Int16Array {
  const all = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Amplitude of the sine at `hertz` in the samples, 0 to 1: about the `level` it was made with (Goertzel). */
export function toneLevel(samples: Int16Array, hertz: number, rate: number): number {
  const omega = (2 * Math.PI * hertz) / rate;
  const turn = 2 * Math.cos(omega);
  let one = 0;
  let two = 0;
  for (const sample of samples) {
    const zero = sample / 32_767 + turn * one - two;
    two = one;
    one = zero;
  }
  const power = Math.max(0, one * one + two * two - turn * one * two);
  return samples.length === 0 ? 0 : (2 * Math.sqrt(power)) / samples.length;
}

/** Root mean square, 0 to 1: a sine of level L has L / √2. */
export function rms(samples: Int16Array): number {
  let sum = 0;
  for (const sample of samples) sum += (sample / 32_767) ** 2;
  return samples.length === 0 ? 0 : Math.sqrt(sum / samples.length);
}

/** Level in dB of an amplitude 0 to 1; -Infinity for silence. */
export const decibel = (amplitude: number): number => 20 * Math.log10(amplitude);

/**
 * Signal to noise in dB of samples that should be a sine at `hertz`: the best fitting sine
 * (amplitude and phase by least squares) against what is left when it is taken away.
 */
export function snr(samples: Int16Array, hertz: number, rate: number): number {
  let ss = 0;
  let cc = 0;
  let sc = 0;
  let xs = 0;
  let xc = 0;
  for (let i = 0; i < samples.length; i++) {
    const angle = (2 * Math.PI * hertz * i) / rate;
    const s = Math.sin(angle);
    const c = Math.cos(angle);
    const x = samples[i] as number;
    ss += s * s;
    cc += c * c;
    sc += s * c;
    xs += x * s;
    xc += x * c;
  }
  const det = ss * cc - sc * sc;
  const a = (xs * cc - xc * sc) / det;
  const b = (xc * ss - xs * sc) / det;
  let signal = 0;
  let noise = 0;
  for (let i = 0; i < samples.length; i++) {
    const angle = (2 * Math.PI * hertz * i) / rate;
    const fitted = a * Math.sin(angle) + b * Math.cos(angle);
    signal += fitted ** 2;
    noise += ((samples[i] as number) - fitted) ** 2;
  }
  return 10 * Math.log10(signal / noise);
}

/** Where the tone is heard, in milliseconds: runs of 10 ms windows whose level at `hertz` is at least half of `level`. */
export function heardAt(
  samples: Int16Array,
  hertz: number,
  rate: number,
  level = 0.25,
): { readonly fromMs: number; readonly toMs: number }[] {
  const window = rate / 100;
  const runs: { fromMs: number; toMs: number }[] = [];
  for (let at = 0; at + window <= samples.length; at += window) {
    if (toneLevel(samples.subarray(at, at + window), hertz, rate) < level / 2) continue;
    const fromMs = (at * 1000) / rate;
    const last = runs.at(-1);
    if (last && last.toMs === fromMs) last.toMs += 10;
    else runs.push({ fromMs, toMs: fromMs + 10 });
  }
  return runs;
}
