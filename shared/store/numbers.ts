/** Numbers we answer: a hash of records and a sorted set that gives lists their order. */
import type { NumberRecord } from '../domain/number.ts';
import { numberKeys } from './keys.ts';
import { attempt } from './redis.ts';
import type { StoreScope } from './scope.ts';
import type { NumberStore, Page } from './store.ts';

const decode = (json: string): NumberRecord => JSON.parse(json);

export class Numbers implements NumberStore {
  readonly #scope: StoreScope;

  constructor(scope: StoreScope) {
    this.#scope = scope;
  }

  async put(number: NumberRecord): Promise<'created' | 'replaced'> {
    const { client } = this.#scope;
    const [added] = await attempt(
      Promise.all([
        client.hset(numberKeys.records, number.number, JSON.stringify(number)),
        client.zadd(numberKeys.order, 0, number.number),
      ]),
    );
    return added === 1 ? 'created' : 'replaced';
  }

  async get(number: string): Promise<NumberRecord | null> {
    const json = await attempt(this.#scope.client.hget(numberKeys.records, number));
    return json === null ? null : decode(json);
  }

  async remove(number: string): Promise<boolean> {
    const { client } = this.#scope;
    const [removed] = await attempt(
      Promise.all([client.hdel(numberKeys.records, number), client.zrem(numberKeys.order, number)]),
    );
    return removed === 1;
  }

  async list(limit: number, cursor: string | null): Promise<Page<NumberRecord>> {
    const { client } = this.#scope;
    const start = cursor === null ? '-' : `(${Buffer.from(cursor, 'base64url').toString()}`;
    const names = await attempt(client.zrangebylex(numberKeys.order, start, '+', 'LIMIT', 0, limit + 1));
    const shown = names.slice(0, limit);
    if (shown.length === 0) return { items: [], nextCursor: null };
    const records = await attempt(client.hmget(numberKeys.records, ...shown));
    const last = names.length > limit ? shown.at(-1) : undefined;
    return {
      items: records.flatMap((json) => (json === null ? [] : [decode(json)])),
      nextCursor: last === undefined ? null : Buffer.from(last).toString('base64url'),
    };
  }
}
