/** Our half of a beat: 20 ms of playout (or of a key's tone), encoded where RTP will send it from. Owned by the leg's media. */
import type { Codec } from '../media/codec/codec.ts';
import type { AudioFrame, LegRate } from '../media/frame.ts';
import { FrameEncoder } from './frame-coder.ts';
import type { ToneKeys } from './tone-keys.ts';

/** What gives samples: fills all of `out`, false when all of it is silence. */
export interface SampleSource {
  next(out: Int16Array): boolean;
}

interface OutboundEncoded {
  encoding: 'audio/x-mulaw' | 'audio/x-alaw';
  payload: Uint8Array;
}

export class OutboundSound {
  readonly #rate: LegRate;
  readonly #samples: Int16Array;
  readonly #encoded: OutboundEncoded = { encoding: 'audio/x-mulaw', payload: new Uint8Array(0) };
  readonly #plain: AudioFrame;
  readonly #withPayload: AudioFrame;
  #encoder: FrameEncoder;

  constructor(rate: LegRate, codec: Codec) {
    this.#rate = rate;
    this.#samples = new Int16Array(rate / 50);
    this.#plain = { samples: this.#samples, rate, encoded: null };
    this.#withPayload = { samples: this.#samples, rate, encoded: this.#encoded };
    this.#encoder = new FrameEncoder(codec, rate);
  }

  /** What is sent from here on; an encoder that stays keeps its memory. */
  use(codec: Codec): void {
    if (codec === this.#encoder.codec) return;
    this.#encoder.close();
    this.#encoder = new FrameEncoder(codec, this.#rate);
  }

  /** Makes the frame of this beat and its payload. Lent until the next. */
  frame(source: SampleSource, keys: ToneKeys, payload: Uint8Array): AudioFrame {
    const heard = source.next(this.#samples);
    if (keys.write(this.#samples, this.#rate) || heard) this.#encoder.encode(this.#samples, payload);
    else this.#encoder.silence(this.#samples, payload);
    const { mime } = this.#encoder.codec;
    if (mime === null) return this.#plain;
    this.#encoded.encoding = mime;
    this.#encoded.payload = payload;
    return this.#withPayload;
  }

  /** Frees the encoder. Idempotent. */
  close(): void {
    this.#encoder.close();
  }
}
