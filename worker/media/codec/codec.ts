/**
 * What a telephone codec is to the audio path: a pair of coders that work in buffers of the caller's.
 * Coders may keep state between frames (G.722 does, G.711 does not), so each direction of each leg
 * makes its own. A new codec is a file beside this one and a row in `worker/leg/codecs.ts`.
 */
import type { LegRate } from '../frame.ts';

export interface Encoder {
  /**
   * Encodes all of `samples` into the start of `payload`; answers with the bytes written.
   * @throws RangeError when `payload` is too short.
   */
  encode(samples: Int16Array, payload: Uint8Array): number;
}

export interface Decoder {
  /**
   * Decodes all of `payload` into the start of `samples`; answers with the samples written.
   * @throws RangeError when `samples` is too short.
   */
  decode(payload: Uint8Array, samples: Int16Array): number;
}

export interface Codec {
  /** The name in SDP's rtpmap, upper case. */
  readonly name: 'PCMU' | 'PCMA' | 'G722';
  /** Static payload type, RFC 3551 table 4. */
  readonly payloadType: number;
  /** Hertz of the RTP time stamp; differs from `rate` for G.722 (RFC 3551 §4.5.2). */
  readonly clockRate: number;
  /** Hertz of the samples. */
  readonly rate: LegRate;
  /** Bytes of 20 ms. */
  readonly frameBytes: number;
  /** The byte that decodes to silence; null for a codec with memory, where there is none. */
  readonly silence: number | null;
  /** MIME name towards streams; null where a stream has no name for it. */
  readonly mime: 'audio/x-mulaw' | 'audio/x-alaw' | null;
  newEncoder(): Encoder;
  newDecoder(): Decoder;
}
