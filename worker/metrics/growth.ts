/** Counters of something that lives for a while, as what they have grown by since the last look. */
export class Growth<Name extends string> {
  readonly #before: Partial<Record<Name, number>> = {};

  /** One that fell far has begun anew; one that fell a little took something back, and grows again from where it was. */
  since(now: Readonly<Record<Name, number>>): Record<Name, number> {
    const grown = {} as Record<Name, number>;
    for (const name in now) {
      const before = this.#before[name] ?? 0;
      const isAnew = now[name] * 2 < before;
      grown[name] = isAnew ? now[name] : Math.max(0, now[name] - before);
      this.#before[name] = isAnew ? now[name] : Math.max(before, now[name]);
    }
    return grown;
  }
}

/** The same of many, summed up. */
export function addTo<Name extends string>(
  sum: Partial<Record<Name, number>>,
  grown: Readonly<Record<Name, number>>,
): void {
  for (const name in grown) sum[name] = (sum[name] ?? 0) + grown[name];
}
