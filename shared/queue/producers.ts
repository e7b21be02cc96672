/** The ends of the queues at which jobs are added, opened as they are needed. Made by `queue.ts`. */
import { Queue, type QueueOptions } from 'bullmq';
import { Closers } from '../kernel/closers.ts';
import type { OwnerId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/log.ts';
import { type RedisClient, RedisUnavailable } from '../store/redis.ts';

/** An owner's bell is opened by each process that asks something of its calls: no more than so many at a time. */
const MAX_BELLS = 256;

/** The queue of what is asked of an owner's calls. */
export const bellOf = (id: OwnerId): string => `bell-${id.replace(/[^\w.-]/g, '-')}`;

export class Producers {
  readonly #client: RedisClient;
  readonly #prefix: string;
  readonly #log: Logger;
  /** By name; the bells among them are bounded, the least lately opened goes first. */
  readonly #queues = new Map<string, Queue>();

  constructor(client: RedisClient, prefix: string, log: Logger) {
    this.#client = client;
    this.#prefix = prefix;
    this.#log = log;
  }

  /** @throws RedisUnavailable */
  of(name: string): Queue {
    const known = this.#queues.get(name);
    if (known) return known;
    // A queue object made while Redis is away would never work: it asks for the version once.
    if (this.#client.status !== 'ready') throw new RedisUnavailable(new Error(`connection is ${this.#client.status}`));
    const options: QueueOptions = {
      connection: this.#client,
      prefix: this.#prefix,
      skipWaitingForReady: true,
      streams: { events: { maxLen: 100 } },
    };
    const queue = new Queue(name, options);
    queue.on('error', (error) => this.#log.debug({ err: error, queue: name }, 'queue failed'));
    queue.waitUntilReady().catch(() => this.forget(name));
    this.#queues.set(name, queue);
    this.#evict();
    return queue;
  }

  forget(name: string): void {
    const queue = this.#queues.get(name);
    this.#queues.delete(name);
    queue?.close().catch((error: unknown) => this.#log.debug({ err: error, queue: name }, 'queue did not close'));
  }

  async close(): Promise<void> {
    const closers = new Closers();
    for (const queue of this.#queues.values()) closers.push(() => queue.close());
    await closers.close();
  }

  #evict(): void {
    const bells = [...this.#queues.keys()].filter((name) => name.startsWith('bell-'));
    const [oldest] = bells;
    if (bells.length > MAX_BELLS && oldest !== undefined) this.forget(oldest);
  }
}
