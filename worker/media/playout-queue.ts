/**
 * What a leg will hear, as its producers see it: the only place where push meets pull.
 * Say, Play, tones and two-way streams all enqueue here; the leg's beat takes one frame at a time.
 * The implementation is `playout.ts`.
 */

/** Told when the cursor passes a mark, or when a clear took it away. `atSample` counts samples really played. */
export type MarkFired = (fired: { readonly cleared: boolean; readonly atSample: number }) => void;

export interface PlayoutQueue {
  /** Hertz of the samples it takes: the leg's rate. */
  readonly rate: number;
  /** Appends mono samples; they are copied. Any length from one sample up. Answers with the samples taken: fewer when the bound (10 min) is reached. */
  enqueue(samples: Int16Array): number;
  /** Puts a mark behind everything enqueued so far; fires at once (within this call) when nothing is queued. */
  mark(fire: MarkFired): void;
  /** Empties the queue within one frame, with a 5 ms fade; pending marks fire in order with `cleared`. */
  clear(): { readonly playedSamples: number; readonly droppedSamples: number };
  /**
   * The producer promises more: an empty queue from here on counts as an underrun and a small
   * pre-buffer is kept before playing resumes. `false` ends that (default).
   */
  setLive(live: boolean): void;
  /**
   * The producer was just given so many samples of the far party's at once, because they had waited for it. If it passes on
   * what it hears, as much comes back at once: late, and not ahead of time on purpose.
   */
  expectRelayed(samples: number): void;
  /** Samples queued and not yet played. */
  readonly queuedSamples: number;
  /** Samples of queued audio really played since the leg began (silence between items does not count). */
  readonly playedSamples: number;
  readonly underruns: number;
}
