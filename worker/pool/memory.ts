/**
 * What was written of one call, as its owner remembers it: enough to write it again when Redis comes back
 * without it. Kept by the running call, bounded, and only ever ahead of Redis by nothing.
 */
import type { CallRecord } from '../../shared/domain/call.ts';
import type { Callback } from '../../shared/domain/callback.ts';
import { isLive, type StreamRecord } from '../../shared/domain/stream.ts';
import type { Epoch, StreamSid } from '../../shared/kernel/ids.ts';
import type { CallChange, CallMemory } from '../../shared/store/store.ts';

/** Entries of the timeline and ended streams beyond these are forgotten with Redis; the oldest first. */
const MAX_ENTRIES = 300;
const MAX_STREAMS = 50;

export class Memory {
  readonly #epoch: Epoch;
  readonly #streams = new Map<StreamSid, StreamRecord>();
  #call: CallRecord;
  #serial = 0;
  #entries: { readonly at: string; readonly entry: NonNullable<CallChange['entries']>[number]['entry'] }[] = [];

  constructor(call: CallRecord, epoch: Epoch) {
    this.#call = call;
    this.#epoch = epoch;
  }

  /** This change is in Redis. */
  written({ patch, entries = [], streams = [], serial }: CallChange): void {
    this.#call = { ...this.#call, ...patch };
    this.#serial = serial ?? this.#serial;
    this.#entries.push(...entries);
    if (this.#entries.length > MAX_ENTRIES) this.#entries = this.#entries.slice(-MAX_ENTRIES);
    for (const { stream, patch: change } of streams) {
      const known = this.#streams.get(stream);
      if (known) this.#streams.set(stream, { ...known, ...change });
    }
  }

  /** This stream is in Redis. */
  stream(record: StreamRecord): void {
    if (!this.#streams.has(record.sid)) this.#streams.set(record.sid, record);
    if (this.#streams.size <= MAX_STREAMS) return;
    const over = [...this.#streams.values()].find(({ status }) => !isLive(status));
    if (over) this.#streams.delete(over.sid);
  }

  /** All of it; the callbacks still owed are their couriers' to know. */
  recall(callbacks: readonly Callback[]): CallMemory {
    return {
      call: this.#call,
      epoch: this.#epoch,
      serial: this.#serial,
      streams: [...this.#streams.values()],
      entries: this.#entries,
      callbacks,
    };
  }
}
