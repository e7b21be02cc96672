/**
 * What the gateway counts, for `/metrics` and for tests. Plain numbers: reading is a copy,
 * and no call's name is ever a label.
 */
export const counterNames = [
  'invitesReceived',
  'invitesAccepted',
  'refusedUnknownSource',
  'refusedUnknownNumber',
  'refusedOverload',
  'refusedStoreAway',
  'refusedMalformed',
  'queueTimeouts',
  'canceledUnclaimed',
  'dialled',
  'answeredOutbound',
  'failedOutbound',
  'trunkFailovers',
  'lettersToCalls',
  'lettersFromCalls',
  'lettersDropped',
  'entriesDropped',
  'dialogsRestored',
  'dialogsFailedAtRestore',
  'orphansHungUp',
  'malformedMessages',
  'storeErrors',
] as const;

export type CounterName = (typeof counterNames)[number];

export class Counters {
  readonly #values = new Map<CounterName, number>(counterNames.map((name) => [name, 0]));

  add(name: CounterName, by = 1): void {
    this.#values.set(name, (this.#values.get(name) ?? 0) + by);
  }

  read(): Readonly<Record<CounterName, number>> {
    return Object.fromEntries(this.#values) as Record<CounterName, number>;
  }
}
