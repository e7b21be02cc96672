/** When things happen: the metronome's side of the 20 ms beat. What to do in a beat is the listener's. */

export interface BeatSource {
  /**
   * Calls `beat` every 20 ms until removed; answers with the remover. Listeners are spread over the
   * phases of the period. A late metronome catches up: each beat is run, none is skipped,
   * unless it is more than a second behind (then the count jumps and `skipped` tells by how many).
   * `beat` is told how many ms after its time it runs.
   * One that throws is removed, and told so (`failed`); the others go on.
   * `advance` is asked after each beat: by how many ms, less than 20, the next one and all that follow come earlier.
   */
  join(listener: {
    beat(lateMs: number): void;
    skipped?(beats: number): void;
    advance?(): number;
    failed?(error: unknown): void;
  }): () => void;
}
