/**
 * The far end's half of a beat: whatever the jitter buffer gave becomes exactly one frame of samples;
 * what is lost is concealed. Keys pressed as tones are listened for when there is no other way to press
 * them. Owned by the leg's media.
 */
import { CatchUp } from '../media/catch-up.ts';
import { Concealment } from '../media/concealment.ts';
import { DtmfDetector } from '../media/dtmf/detector.ts';
import type { AudioFrame, LegRate } from '../media/frame.ts';
import type { JitterFrame } from '../rtp/jitter.ts';
import { codecs, isQuietPayload } from './codecs.ts';
import { FrameDecoder } from './frame-coder.ts';
import type { AudioName } from './sdp.ts';

/** One payload type: its decoder, and the frame that is lent when a beat is one packet of it. */
interface Understood {
  readonly name: AudioName;
  readonly decoder: FrameDecoder;
  readonly frame: AudioFrame;
}

/** Where frames come from when one a beat is not enough, because there is delay to be given back. */
export interface ExtraFrames {
  /** The next frame, lent; null when there is none too many. */
  extra(): JitterFrame | null;
}

/** About −38 dBFS. */
const QUIET_PEAK = 400;

export class InboundSound {
  readonly #rate: LegRate;
  readonly #samples: Int16Array;
  readonly #plain: AudioFrame;
  #understood: ReadonlyMap<number, Understood> = new Map();
  readonly #concealment: Concealment;
  readonly #catchUp: CatchUp;
  readonly #onTone: (digit: string, durationMs: number) => void;
  #detector: DtmfDetector | null = null;
  #concealing = false;
  #silent = true;

  constructor(rate: LegRate, onTone: (digit: string, durationMs: number) => void) {
    this.#rate = rate;
    this.#onTone = onTone;
    this.#samples = new Int16Array(rate / 50);
    this.#plain = { samples: this.#samples, rate, encoded: null };
    this.#concealment = new Concealment(rate);
    this.#catchUp = new CatchUp(rate);
  }

  /**
   * What may come, by payload type; `payload` is where the jitter buffer lends its frames. A decoder that goes
   * on being of use keeps its memory.
   */
  listenFor(receive: ReadonlyMap<number, AudioName>, payload: Uint8Array, tones: boolean): void {
    const before = this.#understood;
    const understood = new Map<number, Understood>();
    for (const [payloadType, name] of receive) {
      const known = before.get(payloadType);
      understood.set(payloadType, known?.name === name ? known : this.#understand(name, payload));
    }
    this.#understood = understood;
    for (const [payloadType, { decoder }] of before) {
      if (understood.get(payloadType)?.decoder !== decoder) decoder.close();
    }
    if (!tones) this.#detector = null;
    else this.#detector ??= new DtmfDetector(this.#rate, this.#onTone);
  }

  /**
   * Whether a payload sounds like nothing, so that it may be left out unseen. What cannot be told from the bytes is taken
   * to go on as it was. While keys are listened for every frame is wanted: two of the same key differ by the pause alone.
   */
  isQuiet(payload: Uint8Array, payloadType: number): boolean {
    if (this.#detector !== null) return false;
    const name = this.#understood.get(payloadType)?.name;
    if (name === undefined) return true;
    if (name !== 'G722') return isQuietPayload(name, payload);
    return this.#samples.every((sample) => Math.abs(sample) <= QUIET_PEAK);
  }

  /** Frees the decoders. Idempotent. */
  close(): void {
    for (const { decoder } of this.#understood.values()) decoder.close();
    this.#understood = new Map();
  }

  /** Silence: on hold, or time that was left out. Lent until the next call. */
  silence(): AudioFrame {
    this.#catchUp.clear();
    const frame = this.#quiet();
    this.#detector?.add(this.#samples);
    return frame;
  }

  /** The frame of this beat. Lent until the next call. */
  frame(received: JitterFrame, source: ExtraFrames): AudioFrame {
    return this.#caughtUp(this.#one(received), source);
  }

  /** The frame as it came, or one made of more than it. */
  #caughtUp(frame: AudioFrame, source: ExtraFrames): AudioFrame {
    const catchUp = this.#catchUp;
    const wants = catchUp.wants;
    const holding = catchUp.held > 0;
    if (holding) catchUp.put(this.#samples);
    const extra = wants ? source.extra() : null;
    if (extra === null && !holding) return frame;
    // The extra frame is read into the place of this one.
    if (!holding) catchUp.put(this.#samples);
    if (extra !== null) {
      this.#one(extra);
      catchUp.put(this.#samples);
    }
    catchUp.take(this.#samples);
    this.#silent = false;
    return this.#plain;
  }

  /** A frame as it came. Keys are listened for here: pauses between them are too short to be shortened. */
  #one(received: JitterFrame): AudioFrame {
    const frame = this.#sound(received);
    this.#detector?.add(this.#samples);
    return frame;
  }

  #sound(received: JitterFrame): AudioFrame {
    if (received.kind === 'silence') return this.#quiet();
    this.#silent = false;
    return received.kind === 'lost' ? this.#conceal() : this.#decode(received);
  }

  #quiet(): AudioFrame {
    if (!this.#silent) this.#samples.fill(0);
    this.#silent = true;
    return this.#plain;
  }

  #understand(name: AudioName, payload: Uint8Array): Understood {
    const { mime } = codecs[name];
    const encoded = mime === null ? null : { encoding: mime, payload };
    const decoder = new FrameDecoder(codecs[name], this.#rate);
    return { name, decoder, frame: { samples: this.#samples, rate: this.#rate, encoded } };
  }

  #conceal(): AudioFrame {
    this.#concealing = true;
    this.#concealment.lost(this.#samples);
    return this.#plain;
  }

  /** The bytes of the packet are lent along, unless the samples are no longer quite what they say. */
  #decode(received: JitterFrame): AudioFrame {
    const understood = this.#understood.get(received.payloadType);
    const whole = received.kind === 'audio' && understood !== undefined && !this.#concealing;
    if (received.kind === 'audio') understood?.decoder.decode(received.payload, this.#samples);
    else this.#piece(received);
    this.#concealment.good(this.#samples);
    this.#concealing = false;
    return whole ? understood.frame : this.#plain;
  }

  /** A frame of several pieces: runs of one payload type are decoded, holes fade out what was there. */
  #piece({ payload, types }: JitterFrame): void {
    const samples = this.#samples;
    const perByte = samples.length / payload.length;
    for (let from = 0, to = 0; from < payload.length; from = to) {
      while (to < payload.length && types[to] === types[from]) to++;
      const decoder = this.#understood.get(types[from] ?? -1)?.decoder;
      if (decoder) decoder.decodePiece(payload, from, to, samples);
      else for (let at = from * perByte; at < to * perByte; at++) samples[at] = (samples[at] ?? 0) / 2;
    }
  }
}
