/** Counters of something that lives for a while, as what they have grown by since the last look. */
export class Growth<Name extends string> {
  #before: Partial<Record<Name, number>> = {};

  /** A counter that fell has begun anew. */
  since(now: Readonly<Record<Name, number>>): Record<Name, number> {
    const grown = {} as Record<Name, number>;
    for (const name of Object.keys(now) as Name[]) {
      const before = this.#before[name] ?? 0;
      grown[name] = now[name] >= before ? now[name] - before : now[name];
    }
    this.#before = { ...now };
    return grown;
  }
}
