/**
 * G.711 µ-law and A-law by table (ITU-T G.711; RFC 3551 §4.5.14). The tables are filled once when
 * the module loads; after that a frame is 160 look-ups and no allocation. The coders keep no state.
 */
import alawmulaw from 'alawmulaw';
import type { Codec, Decoder, Encoder } from './codec.ts';

type Law = typeof alawmulaw.mulaw;

/** Both tables of one companding law. */
class G711 implements Encoder, Decoder {
  readonly #toByte = new Uint8Array(65_536);
  readonly #toSample = new Int16Array(256);

  constructor(law: Law) {
    for (let index = 0; index < 65_536; index++) this.#toByte[index] = law.encodeSample((index << 16) >> 16);
    for (let byte = 0; byte < 256; byte++) this.#toSample[byte] = law.decodeSample(byte);
  }

  encode(samples: Int16Array, payload: Uint8Array): number {
    const count = samples.length;
    if (payload.length < count) throw new RangeError('The payload is shorter than the frame.');
    const table = this.#toByte;
    for (let i = 0; i < count; i++) payload[i] = table[(samples[i] as number) & 0xffff] as number;
    return count;
  }

  decode(payload: Uint8Array, samples: Int16Array): number {
    const count = payload.length;
    if (samples.length < count) throw new RangeError('The frame is shorter than the payload.');
    const table = this.#toSample;
    for (let i = 0; i < count; i++) samples[i] = table[payload[i] as number] as number;
    return count;
  }
}

export const mulawCoder: Encoder & Decoder = new G711(alawmulaw.mulaw);
export const alawCoder: Encoder & Decoder = new G711(alawmulaw.alaw);

/** The byte that decodes to silence. */
export const MULAW_SILENCE = 0xff;
export const ALAW_SILENCE = 0xd5;

export const pcmu: Codec = {
  name: 'PCMU',
  payloadType: 0,
  clockRate: 8000,
  rate: 8000,
  frameBytes: 160,
  silence: MULAW_SILENCE,
  mime: 'audio/x-mulaw',
  newEncoder: () => mulawCoder,
  newDecoder: () => mulawCoder,
};

export const pcma: Codec = {
  name: 'PCMA',
  payloadType: 8,
  clockRate: 8000,
  rate: 8000,
  frameBytes: 160,
  silence: ALAW_SILENCE,
  mime: 'audio/x-alaw',
  newEncoder: () => alawCoder,
  newDecoder: () => alawCoder,
};
