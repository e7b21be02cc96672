/** Whether one recording is in another, and where: normalised cross-correlation of mono samples. */

export interface Likeness {
  /** −1 … 1; 1 is the same sound at any loudness. */
  readonly similarity: number;
  /** Where in `recording` the sound begins, in samples. */
  readonly offset: number;
}

/** Finds the best place of `sound` in `recording` between two offsets (samples). */
export function findSound(
  sound: Int16Array,
  recording: Int16Array,
  from = 0,
  to = recording.length - sound.length,
): Likeness {
  const soundEnergy = energyOf(sound, 0, sound.length);
  let best: Likeness = { similarity: -1, offset: from };
  if (soundEnergy === 0) return best;
  // Every fourth offset first: at 8 kHz speech is smooth enough for that; then the neighbourhood sample by sample.
  for (const offset of coarse(from, to)) best = better(best, sound, soundEnergy, recording, offset, 2);
  const centre = best.offset;
  best = { similarity: -1, offset: centre };
  for (let offset = Math.max(from, centre - 8); offset <= Math.min(to, centre + 8); offset++) {
    best = better(best, sound, soundEnergy, recording, offset, 1);
  }
  return best;
}

function* coarse(from: number, to: number): Generator<number> {
  for (let offset = from; offset <= to; offset += 2) yield offset;
}

function better(
  best: Likeness,
  sound: Int16Array,
  soundEnergy: number,
  recording: Int16Array,
  offset: number,
  stride: number,
): Likeness {
  let product = 0;
  let energy = 0;
  for (let i = 0; i < sound.length; i += stride) {
    const sample = recording[offset + i] ?? 0;
    product += sample * (sound[i] ?? 0);
    energy += sample * sample;
  }
  if (energy === 0) return best;
  const similarity = (product * stride) / Math.sqrt(soundEnergy * energy * stride);
  return similarity > best.similarity ? { similarity, offset } : best;
}

function energyOf(samples: Int16Array, from: number, to: number): number {
  let energy = 0;
  for (let i = from; i < to; i++) energy += (samples[i] ?? 0) ** 2;
  return energy;
}

/** Root mean square level in dBFS between two places (samples); −Infinity for silence. */
export function levelOf(samples: Int16Array, from = 0, to = samples.length): number {
  const mean = energyOf(samples, from, to) / Math.max(1, to - from);
  return 10 * Math.log10(mean / (32_768 * 32_768));
}
