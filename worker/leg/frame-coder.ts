/**
 * A codec at the rate of a leg: 20 ms of the leg's samples to and from a payload, resampled where the codec
 * has another rate than the leg (a re-INVITE or a payload type may change the codec, a leg keeps its rate).
 * Owned by one half of a leg's sound, which closes it.
 */
import type { Codec, Decoder, Encoder } from '../media/codec/codec.ts';
import type { LegRate } from '../media/frame.ts';
import { FrameResampler } from '../media/resample.ts';

/** Between two rates, with the frame at the codec's. */
interface Bridge {
  readonly own: Int16Array;
  readonly resampler: FrameResampler;
}

const bridge = (from: number, to: number, codec: Codec): Bridge | null =>
  from === to ? null : { own: new Int16Array(codec.rate / 50), resampler: new FrameResampler(from, to) };

export class FrameEncoder {
  readonly codec: Codec;
  readonly #encoder: Encoder;
  readonly #bridge: Bridge | null;

  constructor(codec: Codec, rate: LegRate) {
    this.codec = codec;
    this.#encoder = codec.newEncoder();
    this.#bridge = bridge(rate, codec.rate, codec);
  }

  encode(samples: Int16Array, payload: Uint8Array): void {
    this.#bridge?.resampler.process(samples, this.#bridge.own);
    this.#encoder.encode(this.#bridge?.own ?? samples, payload);
  }

  /** A frame of silence: a codec without memory has a byte for it. */
  silence(samples: Int16Array, payload: Uint8Array): void {
    if (this.codec.silence === null || this.#bridge !== null) this.encode(samples, payload);
    else payload.fill(this.codec.silence);
  }

  /** Idempotent. */
  close(): void {
    this.#bridge?.resampler.close();
  }
}

export class FrameDecoder {
  readonly codec: Codec;
  readonly #decoder: Decoder;
  readonly #bridge: Bridge | null;
  /** A piece is decoded into a whole frame of the leg's before its part of it is taken. */
  readonly #whole: Int16Array;

  constructor(codec: Codec, rate: LegRate) {
    this.codec = codec;
    this.#decoder = codec.newDecoder();
    this.#bridge = bridge(codec.rate, rate, codec);
    this.#whole = new Int16Array(rate / 50);
  }

  /** Decodes a whole frame. */
  decode(payload: Uint8Array, samples: Int16Array): void {
    this.#decoder.decode(payload, this.#bridge?.own ?? samples);
    this.#bridge?.resampler.process(this.#bridge.own, samples);
  }

  /** Decodes bytes `from` … `to` of a frame into their part of `samples`; the rest of it stays. */
  decodePiece(payload: Uint8Array, from: number, to: number, samples: Int16Array): void {
    const target = this.#bridge?.own ?? this.#whole;
    const perByte = target.length / payload.length;
    target.fill(0);
    this.#decoder.decode(payload.subarray(from, to), target.subarray(from * perByte, to * perByte));
    this.#bridge?.resampler.process(target, this.#whole);
    const scale = samples.length / payload.length;
    samples.set(this.#whole.subarray(from * scale, to * scale), from * scale);
  }

  /** Idempotent. */
  close(): void {
    this.#bridge?.resampler.close();
  }
}
