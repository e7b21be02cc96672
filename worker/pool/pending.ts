/** What a call has said and nobody has written yet: patches merged, lists bounded. Owned by the journal. */
import type { CallPatch } from '../../shared/domain/call.ts';
import type { Callback } from '../../shared/domain/callback.ts';
import type { TimelineEntry } from '../../shared/domain/event.ts';
import type { GatewayLetter } from '../../shared/domain/letter.ts';
import type { StreamPatch } from '../../shared/domain/stream.ts';
import type { StreamSid } from '../../shared/kernel/ids.ts';
import type { CallChange } from '../../shared/store/store.ts';

/** Bounds of what is kept while Redis is away; the oldest goes, and is counted. */
const MAX_ENTRIES = 2000;
const MAX_CALLBACKS = 500;
const MAX_LETTERS = 500;

export class Pending {
  #patch: CallPatch = {};
  #entries: { readonly at: string; readonly entry: TimelineEntry }[] = [];
  #callbacks: Callback[] = [];
  #letters: GatewayLetter[] = [];
  readonly #streams = new Map<StreamSid, StreamPatch>();
  /** How many items were dropped for want of room. */
  dropped = 0;

  get isEmpty(): boolean {
    return !this.isUrgent && this.#entries.length === 0 && this.#streams.size === 0;
  }

  /** Somebody waits for it: a letter, a callback, the state of the call. Entries and counters can wait a little. */
  get isUrgent(): boolean {
    return this.#letters.length > 0 || this.#callbacks.length > 0 || Object.keys(this.#patch).length > 0;
  }

  /** Nothing but counters, which nobody misses for a moment. */
  get isCounters(): boolean {
    if (this.isUrgent || this.#entries.length > 0) return false;
    return [...this.#streams.values()].every((patch) => Object.keys(patch).every((field) => field === 'counters'));
  }

  patch(patch: CallPatch): void {
    this.#patch = { ...this.#patch, ...patch };
  }

  entry(at: string, entry: TimelineEntry): void {
    this.#bounded(this.#entries, { at, entry }, MAX_ENTRIES);
  }

  callback(callback: Callback): void {
    this.#bounded(this.#callbacks, callback, MAX_CALLBACKS);
  }

  letter(letter: GatewayLetter): void {
    this.#bounded(this.#letters, letter, MAX_LETTERS);
  }

  streamPatch(stream: StreamSid, patch: StreamPatch): void {
    this.#streams.set(stream, { ...this.#streams.get(stream), ...patch });
  }

  /** Everything so far as one change; nothing is left. */
  take(serial: number): CallChange {
    const change: CallChange = {
      serial,
      ...(Object.keys(this.#patch).length > 0 ? { patch: this.#patch } : {}),
      ...(this.#entries.length > 0 ? { entries: this.#entries } : {}),
      ...(this.#callbacks.length > 0 ? { callbacks: this.#callbacks } : {}),
      ...(this.#letters.length > 0 ? { letters: this.#letters } : {}),
      ...(this.#streams.size > 0 ? { streams: [...this.#streams].map(([stream, patch]) => ({ stream, patch })) } : {}),
    };
    this.clear();
    return change;
  }

  clear(): void {
    this.#patch = {};
    this.#entries = [];
    this.#callbacks = [];
    this.#letters = [];
    this.#streams.clear();
  }

  #bounded<Item>(items: Item[], item: Item, most: number): void {
    items.push(item);
    if (items.length <= most) return;
    items.shift();
    this.dropped += 1;
  }
}
