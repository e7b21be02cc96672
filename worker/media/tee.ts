/**
 * The fork of a leg's audio. The leg owns it and writes to it once a beat; stream sessions, the
 * recorder, detectors and the bridge are its branches. A branch that throws is taken off and
 * reported once, so that a broken stream costs that stream and nothing else (PROTOCOL AC-84, AC-92).
 */
import type { AudioFrame, Tee, TeeBranch } from './frame.ts';

export class FrameTee implements Tee {
  #branches: readonly TeeBranch[] = [];
  readonly #report: (error: unknown) => void;

  /** `report` hears of each branch that threw; it must not throw itself. */
  constructor(report: (error: unknown) => void) {
    this.#report = report;
  }

  get size(): number {
    return this.#branches.length;
  }

  add(branch: TeeBranch): () => void {
    this.#branches = [...this.#branches, branch];
    let here = true;
    return () => {
      if (!here) return;
      here = false;
      this.#drop(branch);
    };
  }

  /** Hands one beat to every branch that was there when the beat began and was not removed meanwhile. */
  write(beat: number, inbound: AudioFrame, outbound: AudioFrame): void {
    const branches = this.#branches;
    for (let i = 0; i < branches.length; i++) {
      const branch = branches[i] as TeeBranch;
      if (branches !== this.#branches && !this.#branches.includes(branch)) continue;
      try {
        branch.beat(beat, inbound, outbound);
      } catch (error) {
        this.#drop(branch);
        this.#report(error);
      }
    }
  }

  #drop(branch: TeeBranch): void {
    const at = this.#branches.indexOf(branch);
    if (at >= 0) this.#branches = this.#branches.filter((_, index) => index !== at);
  }
}
