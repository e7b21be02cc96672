/** How long the event loop of this thread kept things waiting, measured by the runtime itself and not by a timer of ours. */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 10;

export class LoopDelay {
  readonly #histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  constructor() {
    this.#histogram.enable();
  }

  /** The worst since the last look, in milliseconds. */
  takeWorstMs(): number {
    const { max } = this.#histogram;
    this.#histogram.reset();
    return Math.max(0, max / 1e6 - RESOLUTION_MS);
  }

  close(): void {
    this.#histogram.disable();
  }
}
