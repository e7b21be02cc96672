/**
 * What the gateway counts, for `/metrics` and for tests. Plain numbers: reading is a copy,
 * and no call's name is ever a label. Times are told on as they come.
 */
import type { Ending } from '../../shared/domain/ending.ts';

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

/** What is timed: from POST /calls to our INVITE; from an INVITE to its 200, of ours and of theirs. */
export type TimeName = 'postToInvite' | 'inviteToAnswerOut' | 'inviteToAnswerIn';

export interface CountersListener {
  onTime(name: TimeName, ms: number): void;
  /** A caller's call ended here, without an owner. */
  onUnclaimedEnd(ending: Ending): void;
}

const nobody: CountersListener = { onTime: () => {}, onUnclaimedEnd: () => {} };

export class Counters {
  readonly #listener: CountersListener;
  readonly #values = new Map<CounterName, number>(counterNames.map((name) => [name, 0]));

  constructor(listener: CountersListener = nobody) {
    this.#listener = listener;
  }

  /** Clocks of two hosts may disagree: no time is below nought. */
  time(name: TimeName, ms: number): void {
    this.#listener.onTime(name, Math.max(0, ms));
  }

  unclaimedEnd(ending: Ending): void {
    this.#listener.onUnclaimedEnd(ending);
  }

  add(name: CounterName, by = 1): void {
    this.#values.set(name, (this.#values.get(name) ?? 0) + by);
  }

  read(): Readonly<Record<CounterName, number>> {
    return Object.fromEntries(this.#values) as Record<CounterName, number>;
  }
}
