/**
 * The bells of signalling: a list of calls for each listener (a gateway, an owner of calls), in whose boxes letters lie.
 * A ring is one command and hearing it another, where a job of a queue takes five and six times the CPU (bench/RESULTS.md);
 * a call being set up rings three times. A ring waits for a listener that is away. It may be lost with the connection that
 * brought it: a worker looks whether its gateway has read (`worker/pool/gateway-bells.ts`), and an owner into its boxes.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../kernel/clock.ts';
import { pause } from '../kernel/deadline.ts';
import { type CallSid, type GatewayId, isCallSid, type OwnerId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/log.ts';
import { attempt, type RedisClient } from '../store/redis.ts';

type Listener = OwnerId | GatewayId;

/** Nobody has listened for so long: what rang is stale, and told by the boxes themselves. */
const KEPT_MS = 3_600_000;
const MOST = 10_000;
/** A connection that brings nothing for much longer is taken for dead. */
const LISTEN_S = 10;
const AGAIN_MS = 250;

export class Bells {
  readonly #client: RedisClient;
  readonly #base: string;

  /** @param base prefix of the keys, with its colon. */
  constructor(client: RedisClient, base: string) {
    this.#client = client;
    this.#base = base;
  }

  /** @throws RedisUnavailable */
  async ring(listener: Listener, sid: CallSid): Promise<void> {
    const key = this.keyOf(listener);
    const waiting = await attempt(this.#client.rpush(key, sid));
    // Nobody takes them at the moment: they must not pile up for a listener that has gone for good.
    if (waiting === 2 || waiting > MOST) await attempt(this.#client.pexpire(key, KEPT_MS));
    if (waiting > MOST) await attempt(this.#client.ltrim(key, -MOST, -1));
  }

  /** Removes what rang for a listener that has gone for good. */
  async remove(listener: Listener): Promise<void> {
    await attempt(this.#client.del(this.keyOf(listener)));
  }

  keyOf(listener: Listener): string {
    return `${this.#base}${listener}`;
  }
}

export interface Listening {
  /** Its own; closed with it. */
  readonly connection: RedisClient;
  readonly key: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Quick; must not throw. */
  readonly onRing: (sid: CallSid) => void;
  /** The connection was lost and is there again: what rang in between may have been lost with it. */
  readonly onGap: () => void;
}

/** Hears one bell, in the order it rang, from the moment it is made. */
export class BellListener {
  readonly #options: Listening;
  /** What it rings itself with to stop: of this listener alone, should another one's be left over. */
  readonly #last = `last ${randomBytes(8).toString('hex')}`;
  readonly #done: Promise<void>;
  #stopped = false;

  constructor(options: Listening) {
    this.#options = options;
    options.connection.once('ready', () => options.connection.on('ready', options.onGap));
    this.#done = this.#listen();
  }

  /** Hears what has rung so far and nothing more: that is left to the next listener. */
  async close(by: RedisClient): Promise<void> {
    await by.rpush(this.#options.key, this.#last);
    await this.#done;
    this.abandon();
  }

  /** What is on its way is lost. Idempotent. */
  abandon(): void {
    this.#stopped = true;
    this.#options.connection.disconnect();
  }

  async #listen(): Promise<void> {
    const { connection, key, clock, log, onRing } = this.#options;
    while (!this.#stopped) {
      try {
        const rung = await connection.blpop(key, LISTEN_S);
        if (rung?.[1] === this.#last) return;
        if (rung && isCallSid(rung[1])) onRing(rung[1]);
      } catch (error) {
        if (this.#stopped) return;
        log.debug({ err: error, key }, 'a bell could not be heard');
        await pause(clock, AGAIN_MS);
      }
    }
  }
}
