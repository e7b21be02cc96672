/**
 * The far end's half of a beat: whatever the jitter buffer gave becomes exactly one frame of samples.
 * What is lost is concealed by what was heard last, fading out within 60 ms. Owned by the leg's media.
 */
import type { Decoder } from '../media/codec/codec.ts';
import type { AudioFrame, LegRate } from '../media/frame.ts';
import type { JitterFrame } from '../rtp/jitter.ts';
import { codecs } from './codecs.ts';
import type { AudioName } from './sdp.ts';

const CONCEALED_FRAMES = 3;

/** One payload type: its decoder, and the frame that is lent when a beat is one packet of it. */
interface Understood {
  readonly decoder: Decoder;
  readonly frame: AudioFrame;
}

export class InboundSound {
  readonly #rate: LegRate;
  readonly #samples: Int16Array;
  /** What was heard last, for concealment. */
  readonly #last: Int16Array;
  readonly #plain: AudioFrame;
  readonly #understood = new Map<number, Understood>();
  #lost = 0;
  #silent = true;

  constructor(rate: LegRate) {
    this.#rate = rate;
    this.#samples = new Int16Array(rate / 50);
    this.#last = new Int16Array(rate / 50);
    this.#plain = { samples: this.#samples, rate, encoded: null };
  }

  /** What may come, by payload type; `payload` is where the jitter buffer lends its frames. */
  listenFor(receive: ReadonlyMap<number, AudioName>, payload: Uint8Array): void {
    this.#understood.clear();
    for (const [payloadType, name] of receive) {
      const { mime } = codecs[name];
      const encoded = mime === null ? null : { encoding: mime, payload };
      const frame = { samples: this.#samples, rate: this.#rate, encoded };
      this.#understood.set(payloadType, { decoder: codecs[name].newDecoder(), frame });
    }
  }

  /** Silence: on hold, or nothing there. Lent until the next call. */
  silence(): AudioFrame {
    if (!this.#silent) this.#samples.fill(0);
    this.#silent = true;
    this.#lost = CONCEALED_FRAMES;
    return this.#plain;
  }

  /** The frame of this beat. Lent until the next call. */
  frame(received: JitterFrame): AudioFrame {
    if (received.kind === 'silence') return this.silence();
    if (received.kind === 'lost') return this.#conceal();
    this.#silent = false;
    this.#lost = 0;
    const understood = this.#understood.get(received.payloadType);
    if (received.kind === 'partial' || understood === undefined) {
      this.#piece(received);
      this.#last.set(this.#samples);
      return this.#plain;
    }
    understood.decoder.decode(received.payload, this.#samples);
    this.#last.set(this.#samples);
    return understood.frame;
  }

  #conceal(): AudioFrame {
    this.#lost += 1;
    if (this.#lost > CONCEALED_FRAMES) return this.silence();
    const count = this.#samples.length;
    const total = CONCEALED_FRAMES * count;
    const from = (this.#lost - 1) * count;
    for (let index = 0; index < count; index++) {
      this.#samples[index] = ((this.#last[index] ?? 0) * (total - from - index)) / total;
    }
    this.#silent = false;
    return this.#plain;
  }

  /** A frame of several pieces: runs of one payload type are decoded, holes are concealed. */
  #piece(received: JitterFrame): void {
    const { payload, types } = received;
    for (let from = 0, to = 0; from < payload.length; from = to) {
      while (to < payload.length && types[to] === types[from]) to++;
      const decoder = this.#understood.get(types[from] ?? -1)?.decoder;
      if (decoder) decoder.decode(payload.subarray(from, to), this.#samples.subarray(from, to));
      else for (let index = from; index < to; index++) this.#samples[index] = (this.#last[index] ?? 0) / 2;
    }
  }
}
