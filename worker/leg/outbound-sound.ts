/** Our half of a beat: 20 ms of playout (or of a key's tone), encoded where RTP will send it from. Owned by the leg's media. */
import type { Codec, Encoder } from '../media/codec/codec.ts';
import type { AudioFrame, LegRate } from '../media/frame.ts';
import { codecs, silenceBytes } from './codecs.ts';
import type { AudioName } from './sdp.ts';
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
  readonly #samples: Int16Array;
  readonly #encoded: OutboundEncoded = { encoding: 'audio/x-mulaw', payload: new Uint8Array(0) };
  readonly #frame: AudioFrame;
  #encoder: Encoder = codecs.PCMU.newEncoder();
  #silence = silenceBytes.PCMU;

  constructor(rate: LegRate) {
    this.#samples = new Int16Array(rate / 50);
    this.#frame = { samples: this.#samples, rate, encoded: this.#encoded };
  }

  use(codec: Codec, name: AudioName): void {
    this.#encoder = codec.newEncoder();
    this.#silence = silenceBytes[name];
    this.#encoded.encoding = codec.mime ?? 'audio/x-mulaw';
  }

  /** Makes the frame of this beat and its payload. Lent until the next. */
  frame(source: SampleSource, keys: ToneKeys, payload: Uint8Array): AudioFrame {
    const heard = source.next(this.#samples);
    if (keys.write(this.#samples, this.#frame.rate) || heard) this.#encoder.encode(this.#samples, payload);
    else payload.fill(this.#silence);
    this.#encoded.payload = payload;
    return this.#frame;
  }
}
