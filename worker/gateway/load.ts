/**
 * Whether one more INVITE is taken: Redis is there, few enough are being decided, the gateway holds fewer
 * calls than it can, some worker is not as busy as it may be, and the gateway is not about to leave. A no costs the caller one 503.
 */

/** INVITEs being decided at one time: at 100 a second and 20 ms each there are two. */
const MOST_DECIDING = 500;
const MOST_CALLS = 20_000;

export interface Place {
  leave(): void;
}

export class Load {
  readonly #calls: () => number;
  #deciding = 0;
  #draining = false;
  #storeAway = false;
  /** Every worker measures that it has enough. */
  workersFull = false;

  /** `calls`: how many calls the gateway holds now. */
  constructor(calls: () => number) {
    this.#calls = calls;
  }

  get deciding(): number {
    return this.#deciding;
  }

  set draining(draining: boolean) {
    this.#draining = draining;
  }

  get draining(): boolean {
    return this.#draining;
  }

  set storeAway(away: boolean) {
    this.#storeAway = away;
  }

  get storeAway(): boolean {
    return this.#storeAway;
  }

  /** A place for an INVITE until it is decided; null when there is none. */
  enter(): Place | null {
    const full = this.#deciding >= MOST_DECIDING || this.#calls() >= MOST_CALLS;
    if (full || this.workersFull || this.#draining || this.#storeAway) return null;
    this.#deciding += 1;
    let left = false;
    return {
      leave: () => {
        if (!left) this.#deciding -= 1;
        left = true;
      },
    };
  }
}
