/**
 * Whether one recording is in another, and where: normalised cross-correlation of mono samples, piece
 * by piece, because a jitter buffer may move what follows by a frame without anybody hearing it.
 */

export interface Likeness {
  /** −1 … 1; 1 is the same sound at any loudness. Mean over the pieces that are not silent. */
  readonly similarity: number;
  /** Where in `recording` the first of them is, minus where it is in `sound`: the delay in samples. */
  readonly offset: number;
}

/** 250 ms at 8 kHz. */
const PIECE = 2000;
/** How far a piece may lie from the one before it: 100 ms. */
const DRIFT = 800;
const SILENCE_DBFS = -45;

/** Finds `sound` in `recording`; both mono at one rate. */
export function findSound(sound: Int16Array, recording: Int16Array): Likeness {
  const similarities: number[] = [];
  let first: number | null = null;
  let offset = 0;
  for (let at = 0; at + PIECE <= sound.length; at += PIECE) {
    if (levelOf(sound, at, at + PIECE) < SILENCE_DBFS) continue;
    const piece = sound.subarray(at, at + PIECE);
    const [from, to] = first === null ? [0, recording.length - PIECE] : [at + offset - DRIFT, at + offset + DRIFT];
    const found = bestPlace(piece, recording, Math.max(0, from), Math.min(recording.length - PIECE, to));
    similarities.push(found.similarity);
    if (first === null) first = found.place - at;
    if (first === found.place - at || found.similarity > 0.8) offset = found.place - at;
  }
  const mean = similarities.reduce((sum, value) => sum + value, 0) / Math.max(1, similarities.length);
  return { similarity: mean, offset: first ?? 0 };
}

/** Every second offset with every second sample first, then the neighbourhood of the best in full. */
function bestPlace(
  piece: Int16Array,
  recording: Int16Array,
  from: number,
  to: number,
): { readonly similarity: number; readonly place: number } {
  let place = from;
  let similarity = -1;
  for (let at = from; at <= to; at += 2) {
    const value = similarityAt(piece, recording, at, 2);
    if (value > similarity) [similarity, place] = [value, at];
  }
  const centre = place;
  similarity = -1;
  for (let at = Math.max(from, centre - 2); at <= Math.min(to, centre + 2); at++) {
    const value = similarityAt(piece, recording, at, 1);
    if (value > similarity) [similarity, place] = [value, at];
  }
  return { similarity, place };
}

function similarityAt(piece: Int16Array, recording: Int16Array, at: number, stride: number): number {
  let product = 0;
  let pieceEnergy = 0;
  let energy = 0;
  for (let i = 0; i < piece.length; i += stride) {
    const wanted = piece[i] ?? 0;
    const sample = recording[at + i] ?? 0;
    product += sample * wanted;
    pieceEnergy += wanted * wanted;
    energy += sample * sample;
  }
  return energy === 0 || pieceEnergy === 0 ? -1 : product / Math.sqrt(pieceEnergy * energy);
}

/** Root mean square level in dBFS between two places (samples); −Infinity for silence. */
export function levelOf(samples: Int16Array, from = 0, to = samples.length): number {
  let energy = 0;
  for (let i = from; i < to; i++) energy += (samples[i] ?? 0) ** 2;
  return 10 * Math.log10(energy / Math.max(1, to - from) / (32_768 * 32_768));
}
