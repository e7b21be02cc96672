/**
 * Call records: created once, owned by one worker thread at a time, written only by that owner.
 * The index is apart (call-index.ts) because it spans calls and so lies on another slot.
 */
import { createHash } from 'node:crypto';
import { type CallPatch, type CallRecord, isFinal } from '../domain/call.ts';
import type { CallSid, Epoch, OwnerId } from '../kernel/ids.ts';
import { CallIndex } from './call-index.ts';
import { decodeCall, encodeEntries, encodeFields, encodeStreams, lostOf, many, texts } from './encoding.ts';
import type { Generation } from './generation.ts';
import { callKeys, idempotencyKey, scriptKeys } from './keys.ts';
import { attempt, RedisUnavailable, Script } from './redis.ts';
import type { StoreScope } from './scope.ts';
import {
  BoxFull,
  type CallChange,
  type CallFilter,
  type CallMemory,
  type CallStore,
  type Created,
  type Fenced,
  type Once,
  type Page,
  type Repeated,
} from './store.ts';

const steps = {
  create: new Script('call', 'create'),
  claim: new Script('call', 'claim'),
  save: new Script('call', 'save'),
  restore: new Script('call', 'restore'),
  endUnclaimed: new Script('call', 'end-unclaimed'),
  remember: new Script('remember'),
};

export class Calls implements CallStore {
  readonly #scope: StoreScope;
  readonly #generation: Generation;
  readonly #index: CallIndex;

  constructor(scope: StoreScope, generation: Generation) {
    this.#scope = scope;
    this.#generation = generation;
    this.#index = new CallIndex(scope, (sid) => this.get(sid));
  }

  async create(call: CallRecord, once?: Once): Promise<Created> {
    if (!once) {
      await Promise.all([this.#write(call), this.#index.add(call)]);
      return { kind: 'created', call };
    }
    const known = await this.repeated(once);
    if (known) return known;
    // The record first: whoever then loses the race removes his own, and the winner's is surely there.
    await this.#write(call);
    const winner = await this.#remembered(once, call.sid);
    if (winner) {
      const keys = callKeys(call.sid);
      await attempt(this.#scope.client.del(keys.call, keys.timeline));
      return winner;
    }
    await this.#index.add(call);
    return { kind: 'created', call };
  }

  repeated(once: Once): Promise<Repeated | null> {
    return this.#remembered(once, null);
  }

  async get(sid: CallSid): Promise<CallRecord | null> {
    const fields = await attempt(this.#scope.client.hgetall(callKeys(sid).call));
    const call = decodeCall(Object.entries(fields).flat());
    if (call === null && (await this.#generation.isForgetful())) {
      throw new RedisUnavailable(new Error('Redis has just lost what it held'));
    }
    return call;
  }

  list(filter: CallFilter, limit: number, cursor: string | null): Promise<Page<CallRecord>> {
    return this.#index.page(filter, limit, cursor);
  }

  async claim(sid: CallSid, owner: OwnerId): Promise<{ readonly call: CallRecord; readonly epoch: Epoch } | null> {
    const [reply] = await Promise.all([
      steps.claim.run(this.#scope.client, scriptKeys(sid), [JSON.stringify(owner)]),
      this.#index.taken(sid),
    ]);
    if (!Array.isArray(reply)) return null;
    const call = decodeCall(texts(reply[1]));
    return call === null ? null : { call, epoch: Number(reply[0]) as Epoch };
  }

  async save(sid: CallSid, epoch: Epoch, change: CallChange): Promise<Fenced> {
    const ends = change.patch?.status !== undefined && isFinal(change.patch.status);
    const reply = await steps.save.run(this.#scope.client, scriptKeys(sid), [
      epoch,
      change.serial ?? 0,
      this.#scope.settings.retentionMs,
      JSON.stringify(change.patch?.endedAt ?? this.#now()),
      ...many(encodeFields(change.patch ?? {})),
      ...many(encodeEntries(change.entries ?? [])),
      ...many((change.callbacks ?? []).map((callback) => JSON.stringify(callback))),
      ...many((change.letters ?? []).map((letter) => JSON.stringify(letter))),
      ...many((change.streams ?? []).flatMap(({ stream, patch }) => encodeFields(patch, `${stream}:`))),
    ]);
    if (reply === 'full') throw new BoxFull();
    if (reply !== 'done') return lostOf(reply);
    if (ends) await this.#index.ended(sid);
    return 'done';
  }

  async restore({ call, epoch, serial, streams, entries, callbacks }: CallMemory): Promise<Fenced> {
    const reply = await steps.restore.run(this.#scope.client, scriptKeys(call.sid), [
      epoch,
      serial,
      this.#scope.settings.retentionMs,
      JSON.stringify(call.endedAt ?? this.#now()),
      ...many(encodeFields(call)),
      ...many(encodeEntries(entries)),
      ...encodeStreams(streams),
      ...many(callbacks.map((callback) => JSON.stringify(callback))),
    ]);
    if (reply !== 'done') return 'lost';
    await this.#index.put(call);
    return 'done';
  }

  async endUnclaimed(
    sid: CallSid,
    patch: CallPatch,
    also: Pick<CallChange, 'entries' | 'callbacks' | 'letters'> = {},
  ): Promise<boolean> {
    const reply = await steps.endUnclaimed.run(this.#scope.client, scriptKeys(sid), [
      this.#scope.settings.retentionMs,
      JSON.stringify(patch.endedAt ?? this.#now()),
      ...many(encodeFields(patch)),
      ...many(encodeEntries(also.entries ?? [])),
      ...many((also.callbacks ?? []).map((callback) => JSON.stringify(callback))),
      ...many((also.letters ?? []).map((letter) => JSON.stringify(letter))),
    ]);
    if (reply === 1) await this.#index.ended(sid);
    else await this.#index.taken(sid);
    return reply === 1;
  }

  overdue(createdBefore: number, limit: number): Promise<readonly CallSid[]> {
    return this.#index.overdue(createdBefore, limit);
  }

  #now(): string {
    return new Date(this.#scope.clock.now()).toISOString();
  }

  async #write(call: CallRecord): Promise<void> {
    const entry = { type: 'call.created', direction: call.direction, from: call.from, to: call.to } as const;
    await steps.create.run(this.#scope.client, scriptKeys(call.sid), [
      this.#scope.settings.retentionMs,
      ...many(encodeFields(call)),
      ...many(encodeEntries([{ at: call.createdAt, entry }])),
    ]);
  }

  /** What the key stands for; with a sid, takes the key for it and answers null when it was free. */
  async #remembered({ key, fingerprint }: Once, sid: CallSid | null): Promise<Repeated | null> {
    const name = idempotencyKey(createHash('sha256').update(key).digest('hex'));
    const standing = sid
      ? await steps.remember.run(
          this.#scope.client,
          [name],
          [`${sid} ${fingerprint}`, this.#scope.settings.idempotencyMs],
        )
      : await attempt(this.#scope.client.get(name));
    if (typeof standing !== 'string') return null;
    const space = standing.indexOf(' ');
    const first = standing.slice(0, space) as CallSid;
    if (first === sid) return null;
    if (standing.slice(space + 1) !== fingerprint) return { kind: 'key_reused' };
    const call = await this.get(first);
    if (call) {
      // Whoever was first may have died before the call was in the index.
      await this.#index.put(call);
      return { kind: 'repeated', call };
    }
    // The call's retention ended before the key's: the key is free again.
    await attempt(this.#scope.client.del(name));
    return sid ? this.#remembered({ key, fingerprint }, sid) : null;
  }
}
