/**
 * The far end's half of a beat: whatever the jitter buffer gave becomes exactly one frame of samples;
 * what is lost is concealed. Keys pressed as tones are listened for when there is no other way to press
 * them. Owned by the leg's media.
 */
import type { Decoder } from '../media/codec/codec.ts';
import { Concealment } from '../media/concealment.ts';
import { DtmfDetector } from '../media/dtmf/detector.ts';
import type { AudioFrame, LegRate } from '../media/frame.ts';
import type { JitterFrame } from '../rtp/jitter.ts';
import { codecs } from './codecs.ts';
import type { AudioName } from './sdp.ts';

/** One payload type: its decoder, and the frame that is lent when a beat is one packet of it. */
interface Understood {
  readonly decoder: Decoder;
  readonly frame: AudioFrame;
}

export class InboundSound {
  readonly #rate: LegRate;
  readonly #samples: Int16Array;
  readonly #plain: AudioFrame;
  readonly #understood = new Map<number, Understood>();
  readonly #concealment: Concealment;
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
  }

  /** What may come, by payload type; `payload` is where the jitter buffer lends its frames. */
  listenFor(receive: ReadonlyMap<number, AudioName>, payload: Uint8Array, tones: boolean): void {
    this.#understood.clear();
    for (const [payloadType, name] of receive) {
      const { mime } = codecs[name];
      const encoded = mime === null ? null : { encoding: mime, payload };
      const frame = { samples: this.#samples, rate: this.#rate, encoded };
      this.#understood.set(payloadType, { decoder: codecs[name].newDecoder(), frame });
    }
    if (!tones) this.#detector = null;
    else this.#detector ??= new DtmfDetector(this.#rate, this.#onTone);
  }

  /** Silence: on hold, or nothing there. Lent until the next call. */
  silence(): AudioFrame {
    if (!this.#silent) this.#samples.fill(0);
    this.#silent = true;
    this.#detector?.add(this.#samples);
    return this.#plain;
  }

  /** The frame of this beat. Lent until the next call. */
  frame(received: JitterFrame): AudioFrame {
    if (received.kind === 'silence') return this.silence();
    this.#silent = false;
    const frame = received.kind === 'lost' ? this.#conceal() : this.#decode(received);
    this.#detector?.add(this.#samples);
    return frame;
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
    for (let from = 0, to = 0; from < payload.length; from = to) {
      while (to < payload.length && types[to] === types[from]) to++;
      const decoder = this.#understood.get(types[from] ?? -1)?.decoder;
      if (decoder) decoder.decode(payload.subarray(from, to), this.#samples.subarray(from, to));
      else for (let index = from; index < to; index++) this.#samples[index] = (this.#samples[index] ?? 0) / 2;
    }
  }
}
