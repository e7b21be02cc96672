/**
 * The fork of a leg's audio. The leg owns it and writes to it once a beat; stream sessions, the
 * recorder, detectors and the bridge are its branches. A branch that throws is taken off and
 * reported once, so that a broken stream costs that stream and nothing else (PROTOCOL AC-84, AC-92).
 */
import type { AudioFrame, Tee, TeeBranch } from './frame.ts';
import { PreRoll } from './pre-roll.ts';

export class FrameTee implements Tee {
  #branches: readonly TeeBranch[] = [];
  readonly #report: (error: unknown) => void;
  /** Undefined before `remember`, null when it is over. */
  #preRoll: PreRoll | null | undefined;

  /** `report` hears of each branch that threw; it must not throw itself. */
  constructor(report: (error: unknown) => void) {
    this.#report = report;
  }

  get size(): number {
    return this.#branches.length;
  }

  add(branch: TeeBranch, fromAnswer = false): () => void {
    this.#branches = [...this.#branches, branch];
    if (fromAnswer && this.#preRoll) this.#catchUp(branch, this.#preRoll);
    let here = true;
    return () => {
      if (!here) return;
      here = false;
      this.#drop(branch);
    };
  }

  /** The far end has answered: the next beats are kept, for branches that come later. Once in a tee's life. */
  remember(): void {
    if (this.#preRoll === undefined) this.#preRoll = new PreRoll();
  }

  /** Nobody will come any more. Idempotent. */
  forget(): void {
    this.#preRoll = null;
  }

  /** Hands one beat to every branch that was there when the beat began and was not removed meanwhile. */
  write(beat: number, inbound: AudioFrame, outbound: AudioFrame): void {
    const branches = this.#branches;
    // Kept first: a branch that joins in this very beat begins with the next one, and catches up with this one.
    if (this.#preRoll?.keep(beat, inbound, outbound) === false) this.#preRoll = null;
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

  #catchUp(branch: TeeBranch, preRoll: PreRoll): void {
    try {
      preRoll.tell(branch);
    } catch (error) {
      this.#drop(branch);
      this.#report(error);
    }
  }

  #drop(branch: TeeBranch): void {
    const at = this.#branches.indexOf(branch);
    if (at >= 0) this.#branches = this.#branches.filter((_, index) => index !== at);
  }
}
