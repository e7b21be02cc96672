/**
 * Frames of the two tracks into payloads as the app ordered them: PROTOCOL §0 row 9, §10, §14.1.
 * Twilio: each track a message. Pivot: one message; both tracks mixed, or left outbound and right inbound.
 * Owned by the session, which closes it. Payloads are lent until the next frame.
 */
import type { StreamSpec, TrackSelection } from '../../shared/domain/stream.ts';
import { alawCoder, mulawCoder } from '../media/codec/g711.ts';
import { interleave, packL16, samplesWithin } from '../media/codec/l16.ts';
import type { AudioFrame } from '../media/frame.ts';
import { mixInto } from '../media/mixer.ts';
import { FrameResampler } from '../media/resample.ts';
import { frameBytes, type TrackLabel } from './messages/encode.ts';

export type PayloadSink = (track: TrackLabel, payload: Buffer) => void;

interface Resampled {
  readonly resampler: FrameResampler;
  readonly out: Int16Array;
}

export class FramePacker {
  readonly #spec: StreamSpec;
  readonly #payload: Buffer;
  /** The payload seen as samples. */
  readonly #packed: Int16Array | null;
  readonly #mono: Int16Array;
  readonly #stereo: Int16Array;
  readonly #silence: Int16Array;
  /** By track and by the rate the leg had when it was made. */
  readonly #resamplers = { inbound: new Map<number, Resampled>(), outbound: new Map<number, Resampled>() };

  constructor(spec: StreamSpec) {
    const samples = spec.mediaFormat.sampleRate / 50;
    this.#spec = spec;
    this.#payload = Buffer.alloc(frameBytes(spec.mediaFormat));
    this.#packed = samplesWithin(this.#payload);
    this.#mono = new Int16Array(samples);
    this.#stereo = new Int16Array(samples * 2);
    this.#silence = new Int16Array(samples);
  }

  /** The payloads of one beat. */
  pack(inbound: AudioFrame, outbound: AudioFrame, track: TrackSelection, sink: PayloadSink): void {
    if (this.#spec.mediaFormat.channels === 2) sink(track, this.#packStereo(inbound, outbound, track));
    else if (track === 'both' && this.#spec.dialect === 'pivot') sink(track, this.#packMix(inbound, outbound));
    else {
      if (track !== 'outbound') sink('inbound', this.#packOne('inbound', inbound));
      if (track !== 'inbound') sink('outbound', this.#packOne('outbound', outbound));
    }
  }

  close(): void {
    for (const ofTrack of Object.values(this.#resamplers)) {
      for (const { resampler } of ofTrack.values()) resampler.close();
      ofTrack.clear();
    }
  }

  #packOne(track: 'inbound' | 'outbound', frame: AudioFrame): Buffer {
    if (frame.encoded?.encoding === this.#spec.mediaFormat.encoding) {
      this.#payload.set(frame.encoded.payload);
      return this.#payload;
    }
    return this.#encode(this.#samples(track, frame));
  }

  #packMix(inbound: AudioFrame, outbound: AudioFrame): Buffer {
    this.#mono.set(this.#samples('inbound', inbound));
    mixInto(this.#mono, this.#samples('outbound', outbound));
    return this.#encode(this.#mono);
  }

  #packStereo(inbound: AudioFrame, outbound: AudioFrame, track: TrackSelection): Buffer {
    const left = track === 'inbound' ? this.#silence : this.#samples('outbound', outbound);
    const right = track === 'outbound' ? this.#silence : this.#samples('inbound', inbound);
    interleave(left, right, this.#stereo);
    return this.#encode(this.#stereo);
  }

  #encode(samples: Int16Array): Buffer {
    switch (this.#spec.mediaFormat.encoding) {
      case 'audio/L16':
        if (this.#packed === null) packL16(samples, this.#payload);
        else this.#packed.set(samples);
        break;
      case 'audio/x-mulaw':
        mulawCoder.encode(samples, this.#payload);
        break;
      case 'audio/x-alaw':
        alawCoder.encode(samples, this.#payload);
        break;
    }
    return this.#payload;
  }

  /** The frame's samples at the stream's rate. */
  #samples(track: 'inbound' | 'outbound', frame: AudioFrame): Int16Array {
    const { sampleRate } = this.#spec.mediaFormat;
    if (frame.rate === sampleRate) return frame.samples;
    let entry = this.#resamplers[track].get(frame.rate);
    if (entry === undefined) {
      entry = { resampler: new FrameResampler(frame.rate, sampleRate), out: new Int16Array(sampleRate / 50) };
      this.#resamplers[track].set(frame.rate, entry);
    }
    entry.resampler.process(frame.samples, entry.out);
    return entry.out;
  }
}
