/** Sums of samples, held inside 16 bits instead of wrapping around: bridges, and what a clear leaves behind. */

/** The sample nearest to `sum`. */
export const saturate = (sum: number): number => Math.max(-32_768, Math.min(32_767, sum));

/** Adds `samples` to the start of `out`. @throws RangeError when `out` is too short. */
export function mixInto(out: Int16Array, samples: Int16Array): void {
  if (out.length < samples.length) throw new RangeError('The frame is shorter than what is mixed into it.');
  for (let i = 0; i < samples.length; i++) {
    out[i] = saturate((out[i] as number) + (samples[i] as number));
  }
}

/** Writes the sum of all of `parts` but the one at `without` into `out`: what that party hears of the others. */
export function mixMinus(parts: readonly Int16Array[], without: number, out: Int16Array): void {
  for (let i = 0; i < out.length; i++) {
    let sum = 0;
    for (let part = 0; part < parts.length; part++) {
      if (part !== without) sum += parts[part]?.[i] ?? 0;
    }
    out[i] = saturate(sum);
  }
}
