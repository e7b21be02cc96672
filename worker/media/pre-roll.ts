/**
 * The first two seconds of a leg, both tracks: what the far party says before the document has opened its
 * first stream. Owned by the tee, which lets it go when it is full. All its memory is taken with the first beat.
 */
import { type AudioFrame, FRAME_MS, type TeeBranch } from './frame.ts';

/** Longest time audio is remembered for streams that are not there yet. */
export const PRE_ROLL_MS = 2000;
const BEATS = PRE_ROLL_MS / FRAME_MS;
/** A frame of G.711, the only one that is lent with its payload. */
const G711_BYTES = 160;

type Encoding = NonNullable<AudioFrame['encoded']>['encoding'];

export class PreRoll {
  #first = 0;
  #beats = 0;
  #inbound: TrackMemory | null = null;
  #outbound: TrackMemory | null = null;

  /** Copies one beat. False when it is full: that was the last one, and it did not fit. */
  keep(beat: number, inbound: AudioFrame, outbound: AudioFrame): boolean {
    if (this.#beats === BEATS) return false;
    if (this.#beats === 0) this.#first = beat;
    this.#inbound ??= new TrackMemory(inbound);
    this.#outbound ??= new TrackMemory(outbound);
    this.#inbound.keep(this.#beats, inbound);
    this.#outbound.keep(this.#beats, outbound);
    this.#beats += 1;
    return true;
  }

  /** Hands a branch all beats so far, in their order and with their numbers. */
  tell(branch: TeeBranch): void {
    const inbound = this.#inbound;
    const outbound = this.#outbound;
    if (inbound === null || outbound === null) return;
    for (let at = 0; at < this.#beats; at++) branch.beat(this.#first + at, inbound.frame(at), outbound.frame(at));
  }
}

/** One track. A leg keeps its rate. */
class TrackMemory {
  readonly #rate: AudioFrame['rate'];
  readonly #frameSamples: number;
  readonly #samples: Int16Array;
  readonly #payloads = new Uint8Array(BEATS * G711_BYTES);
  readonly #encodings: (Encoding | null)[] = new Array<Encoding | null>(BEATS).fill(null);

  constructor({ rate }: AudioFrame) {
    this.#rate = rate;
    this.#frameSamples = rate / 50;
    this.#samples = new Int16Array(BEATS * this.#frameSamples);
  }

  keep(at: number, { samples, encoded }: AudioFrame): void {
    this.#samples.set(samples, at * this.#frameSamples);
    if (encoded === null) return;
    this.#encodings[at] = encoded.encoding;
    this.#payloads.set(encoded.payload, at * G711_BYTES);
  }

  frame(at: number): AudioFrame {
    const samples = this.#samples.subarray(at * this.#frameSamples, (at + 1) * this.#frameSamples);
    const encoding = this.#encodings[at] ?? null;
    const payload = this.#payloads.subarray(at * G711_BYTES, (at + 1) * G711_BYTES);
    return { samples, rate: this.#rate, encoded: encoding === null ? null : { encoding, payload } };
  }
}
