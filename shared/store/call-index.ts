/**
 * Where calls are found: sorted sets by time of creation. They lie on another slot than the calls, so
 * they are only where to look, never the truth: a list reads the records and drops what is gone.
 */
import type { CallRecord } from '../domain/call.ts';
import { isFinal } from '../domain/call.ts';
import type { CallSid } from '../kernel/ids.ts';
import { isCallSid } from '../kernel/ids.ts';
import { callKeys, indexKeys } from './keys.ts';
import { attempt } from './redis.ts';
import type { StoreScope } from './scope.ts';
import type { CallFilter, Page } from './store.ts';

/** A page looks at no more entries than this; with a rare match it may be short and still have a next one. */
const SCAN_LIMIT = 2000;
const CHUNK = 200;
/** Every so many new calls, the oldest entries are looked at and those without a call removed. */
const SWEEP_EVERY = 64;
const SWEEP = 256;

interface Place {
  readonly score: number;
  readonly sid: CallSid;
}

export class CallIndex {
  readonly #scope: StoreScope;
  readonly #get: (sid: CallSid) => Promise<CallRecord | null>;
  #added = 0;

  constructor(scope: StoreScope, get: (sid: CallSid) => Promise<CallRecord | null>) {
    this.#scope = scope;
    this.#get = get;
  }

  async add(call: CallRecord): Promise<void> {
    await this.put(call);
    this.#added += 1;
    if (this.#added % SWEEP_EVERY === 0) await this.#sweep();
  }

  /** Where it belongs, whether it is there or not: whoever wrote the record may have died before it was, or Redis lost it. */
  async put({ sid, createdAt, status, owner }: CallRecord): Promise<void> {
    const places: string[] = [indexKeys.all];
    if (!isFinal(status)) places.push(indexKeys.live);
    if (!isFinal(status) && owner === null) places.push(indexKeys.queued);
    const score = Date.parse(createdAt);
    await attempt(Promise.all(places.map((place) => this.#scope.client.zadd(place, score, sid))));
  }

  /** Somebody owns it. */
  async taken(sid: CallSid): Promise<void> {
    await attempt(this.#scope.client.zrem(indexKeys.queued, sid));
  }

  async ended(sid: CallSid): Promise<void> {
    const { client } = this.#scope;
    await attempt(Promise.all([client.zrem(indexKeys.live, sid), client.zrem(indexKeys.queued, sid)]));
  }

  async overdue(createdBefore: number, limit: number): Promise<readonly CallSid[]> {
    const sids = await attempt(
      this.#scope.client.zrangebyscore(indexKeys.queued, '-inf', `(${createdBefore}`, 'LIMIT', 0, limit),
    );
    return await this.#existing(sids.filter(isCallSid));
  }

  /** Those there is a record of; the others leave the index, or they would be found for ever. */
  async #existing(sids: readonly CallSid[]): Promise<readonly CallSid[]> {
    const there = await attempt(Promise.all(sids.map((sid) => this.#scope.client.exists(callKeys(sid).call))));
    const gone = sids.filter((_sid, index) => there[index] === 0);
    if (gone.length > 0) await attempt(this.#scope.client.zrem(indexKeys.queued, ...gone));
    return sids.filter((_sid, index) => there[index] !== 0);
  }

  /** Newest first. A live status is looked up among the live calls only. */
  async page(filter: CallFilter, limit: number, cursor: string | null): Promise<Page<CallRecord>> {
    const key = filter.status !== undefined && !isFinal(filter.status) ? indexKeys.live : indexKeys.all;
    const items: CallRecord[] = [];
    let after = cursor === null ? null : decodeCursor(cursor);
    for (let seen = 0; seen < SCAN_LIMIT; ) {
      const places = await this.#next(key, filter, after, Math.max(CHUNK, limit + 1));
      const records = await Promise.all(places.map((place) => this.#get(place.sid)));
      for (const [index, place] of places.entries()) {
        const record = records[index] ?? null;
        const isMatch = record !== null && matches(record, filter);
        if (isMatch && items.length === limit) return { items, nextCursor: encodeCursor(after) };
        if (isMatch) items.push(record);
        else await this.#dropStale(key, place.sid, record);
        after = place;
      }
      if (places.length === 0) return { items, nextCursor: null };
      seen += places.length;
    }
    return { items, nextCursor: encodeCursor(after) };
  }

  /** The next entries below `after`: by score, then by sid, both falling. */
  async #next(key: string, filter: CallFilter, after: Place | null, count: number): Promise<readonly Place[]> {
    const top = Math.min(filter.until ?? Number.POSITIVE_INFINITY, after?.score ?? Number.POSITIVE_INFINITY);
    const places: Place[] = [];
    for (let offset = 0; places.length === 0; offset += count) {
      const flat = await attempt(
        this.#scope.client.zrevrangebyscore(
          key,
          top === Number.POSITIVE_INFINITY ? '+inf' : top,
          filter.since ?? '-inf',
          'WITHSCORES',
          'LIMIT',
          offset,
          count,
        ),
      );
      if (flat.length === 0) return places;
      for (let index = 0; index + 1 < flat.length; index += 2) {
        const sid = flat[index] ?? '';
        const score = Number(flat[index + 1]);
        const isAfter = !after || score < after.score || sid < after.sid;
        if (isCallSid(sid) && isAfter) places.push({ score, sid });
      }
    }
    return places;
  }

  async #dropStale(key: string, sid: CallSid, record: CallRecord | null): Promise<void> {
    const isStale = record === null || (key === indexKeys.live && isFinal(record.status));
    if (isStale) await attempt(this.#scope.client.zrem(key, sid));
  }

  async #sweep(): Promise<void> {
    const { client } = this.#scope;
    const oldest = await attempt(client.zrange(indexKeys.all, 0, String(SWEEP - 1)));
    const kept = await attempt(Promise.all(oldest.filter(isCallSid).map((sid) => client.exists(callKeys(sid).call))));
    const gone = oldest.filter((_sid, index) => kept[index] === 0);
    if (gone.length === 0) return;
    await attempt(
      Promise.all([
        client.zrem(indexKeys.all, ...gone),
        client.zrem(indexKeys.live, ...gone),
        client.zrem(indexKeys.queued, ...gone),
      ]),
    );
  }
}

function matches(call: CallRecord, filter: CallFilter): boolean {
  return (
    (filter.status === undefined || call.status === filter.status) &&
    (filter.to === undefined || call.to === filter.to) &&
    (filter.from === undefined || call.from === filter.from)
  );
}

const encodeCursor = (place: Place | null): string | null =>
  place && Buffer.from(`${place.score}:${place.sid}`).toString('base64url');

/** A cursor that is none of ours starts from the top. */
function decodeCursor(cursor: string): Place | null {
  const [score, sid] = Buffer.from(cursor, 'base64url').toString('latin1').split(':');
  if (sid === undefined || !isCallSid(sid) || !/^\d+$/.test(score ?? '')) return null;
  return { score: Number(score), sid };
}
