/**
 * The timeline of a call: a capped Redis Stream with ids `<seq>-0`, written by the steps in Lua so that
 * `seq` has no gaps. Growth is published; followers also look once a second, so a lost message only delays.
 */
import type { TimelineEntry, TimelineEvent } from '../domain/event.ts';
import type { CallSid } from '../kernel/ids.ts';
import { encodeEntries, many } from './encoding.ts';
import { callKeys, scriptKeys } from './keys.ts';
import { attempt, type RedisClient, Script } from './redis.ts';
import type { StoreScope } from './scope.ts';
import type { TimelineStore } from './store.ts';

const append = new Script('call', 'append');
const POLL_MS = 1000;

export class Timeline implements TimelineStore {
  readonly #scope: StoreScope;
  readonly #openSubscriber: () => RedisClient;
  readonly #followers = new Map<string, Set<() => void>>();
  #subscriber: RedisClient | null = null;

  constructor(scope: StoreScope, openSubscriber: () => RedisClient) {
    this.#scope = scope;
    this.#openSubscriber = openSubscriber;
  }

  async append(
    sid: CallSid,
    entries: readonly { readonly at: string; readonly entry: TimelineEntry }[],
  ): Promise<void> {
    if (entries.length === 0) return;
    await append.run(this.#scope.client, scriptKeys(sid), many(encodeEntries(entries)));
  }

  async read(sid: CallSid, afterSeq: number, limit: number): Promise<readonly TimelineEvent[]> {
    const rows = await attempt(
      this.#scope.client.xrange(callKeys(sid).timeline, `${afterSeq + 1}-0`, '+', 'COUNT', limit),
    );
    return rows.map(([id, fields]) => ({ ...JSON.parse(fields[1] ?? '{}'), seq: Number.parseInt(id, 10) }));
  }

  follow(sid: CallSid, wake: () => void): () => void {
    const channel = callKeys(sid).grown;
    const wakers = this.#followers.get(channel) ?? new Set();
    if (wakers.size === 0) this.#listen(channel);
    // A function of our own, so that the same `wake` may follow twice.
    const waker = (): void => wake();
    this.#followers.set(channel, wakers.add(waker));
    let timer = this.#scope.clock.after(POLL_MS, poll.bind(this));
    function poll(this: Timeline): void {
      timer = this.#scope.clock.after(POLL_MS, poll.bind(this));
      waker();
    }
    return () => {
      timer.cancel();
      if (wakers.delete(waker) && wakers.size === 0) this.#unlisten(channel);
    };
  }

  /** The subscriber is opened for the first follower and stays; the store closes it. */
  #listen(channel: string): void {
    if (!this.#subscriber) {
      this.#subscriber = this.#openSubscriber();
      this.#subscriber.on('message', (grown: string) => {
        for (const waker of this.#followers.get(grown) ?? []) waker();
      });
    }
    // While Redis is away the subscription waits in the queue of the connection; the poll goes on.
    this.#subscriber.subscribe(channel).catch(() => undefined);
  }

  #unlisten(channel: string): void {
    this.#followers.delete(channel);
    this.#subscriber?.unsubscribe(channel).catch(() => undefined);
  }

  close(): void {
    this.#subscriber?.disconnect();
    this.#followers.clear();
  }
}
