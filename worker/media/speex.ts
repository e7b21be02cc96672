/**
 * The band-limited resampler of speexdsp, loaded once for each thread by `initMedia`. After that making
 * and using a `SpeexState` is synchronous. All states share two scratch buffers in the module's memory;
 * whoever makes a state closes it, because the garbage collector does not see that memory.
 */
import load, { type SpeexModule } from '@echogarden/speex-resampler-wasm/simd';

interface Speex {
  readonly module: SpeexModule;
  readonly input: number;
  readonly output: number;
  /** Two 32-bit lengths: of the input, of the output. */
  readonly lengths: number;
}

/** Above 60 dB of rejection at a few microseconds a frame; 10 is the most. */
const QUALITY = 5;
const INPUT_SAMPLES = 4096;
const OUTPUT_SAMPLES = 8192;

let speex: Speex | null = null;
let loading: Promise<void> | null = null;

/** Loads the module; once is enough, more is harmless. */
export function loadSpeex(): Promise<void> {
  loading ??= load().then((module) => {
    speex = {
      module,
      input: module._malloc(INPUT_SAMPLES * 2),
      output: module._malloc(OUTPUT_SAMPLES * 2),
      lengths: module._malloc(8),
    };
  });
  return loading;
}

/** Takes each piece of output while it is valid. */
type Take = (samples: Int16Array) => void;

export class SpeexState {
  readonly #speex: Speex;
  #state: number;

  /** `skipLatency` cuts the silence the filter begins with. @throws Error before `initMedia`, or for rates speex refuses. */
  constructor(from: number, to: number, skipLatency: boolean) {
    if (!speex) throw new Error('A resampler was made before initMedia had finished.');
    this.#speex = speex;
    const { module, lengths } = speex;
    this.#state = module._speex_resampler_init(1, from, to, QUALITY, lengths);
    if (this.#state === 0) throw new Error(`No resampler from ${from} to ${to} Hz.`);
    if (skipLatency) module._speex_resampler_skip_zeros(this.#state);
  }

  /** Samples of input the output is behind. */
  get inputLatency(): number {
    return this.#speex.module._speex_resampler_get_input_latency(this.#state);
  }

  /** Resamples all of `samples`; `take` is lent the output, in one or more pieces. */
  process(samples: Int16Array, take: Take): void {
    if (this.#state === 0) throw new Error('The resampler is closed.');
    const { module, input, output, lengths } = this.#speex;
    let at = 0;
    while (at < samples.length) {
      const count = Math.min(INPUT_SAMPLES, samples.length - at);
      module.HEAP16.set(samples.subarray(at, at + count), input >> 1);
      module.HEAP32[lengths >> 2] = count;
      module.HEAP32[(lengths >> 2) + 1] = OUTPUT_SAMPLES;
      module._speex_resampler_process_int(this.#state, 0, input, lengths, output, lengths + 4);
      const read = module.HEAP32[lengths >> 2] as number;
      const written = module.HEAP32[(lengths >> 2) + 1] as number;
      if (read === 0 && written === 0) throw new Error('The resampler stands still.');
      if (written > 0) take(module.HEAP16.subarray(output >> 1, (output >> 1) + written));
      at += read;
    }
  }

  /** Resamples a frame of at most `INPUT_SAMPLES` into the start of `out`; answers with the samples written. Allocates nothing. */
  processInto(frame: Int16Array, out: Int16Array): number {
    if (this.#state === 0) throw new Error('The resampler is closed.');
    if (frame.length > INPUT_SAMPLES) throw new RangeError('The frame is too long.');
    const { module, input, output, lengths } = this.#speex;
    module.HEAP16.set(frame, input >> 1);
    module.HEAP32[lengths >> 2] = frame.length;
    module.HEAP32[(lengths >> 2) + 1] = Math.min(out.length, OUTPUT_SAMPLES);
    module._speex_resampler_process_int(this.#state, 0, input, lengths, output, lengths + 4);
    const written = module.HEAP32[(lengths >> 2) + 1] as number;
    const heap = module.HEAP16;
    const from = output >> 1;
    for (let i = 0; i < written; i++) out[i] = heap[from + i] as number;
    return written;
  }

  /** Idempotent. */
  close(): void {
    if (this.#state !== 0) this.#speex.module._speex_resampler_destroy(this.#state);
    this.#state = 0;
  }
}
