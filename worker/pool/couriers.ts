/**
 * The couriers of a thread: one for each call that owes a callback, over the store's outbox. While a
 * call lives here its courier is woken when something is added; at the end it has a few seconds, and
 * what is left is the `callbacks` queue's, but for the request under way, which comes to its end here.
 */
import { randomBytes } from 'node:crypto';
import type { Callback } from '../../shared/domain/callback.ts';
import type { Clock } from '../../shared/kernel/clock.ts';
import { DeadlineExceeded, withDeadline } from '../../shared/kernel/deadline.ts';
import type { CallSid } from '../../shared/kernel/ids.ts';
import type { Logger } from '../../shared/kernel/log.ts';
import type { Outbox, TimelineStore } from '../../shared/store/store.ts';
import { Courier as CallCourier } from '../callbacks/courier.ts';
import type { Fetcher } from '../fetch/fetcher.ts';
import type { Courier } from './ports.ts';
import { untilDone } from './retry.ts';

/** How long the end of a call waits for its callbacks; most applications answer within a second. */
const LAST_WORDS_MS = 5000;
/** How long the end of the thread waits for requests under way. */
const CLOSE_MS = 5000;
/** What is remembered of a call whose application does not answer. */
const MAX_OWED = 500;

export interface CouriersOptions {
  readonly outbox: Outbox;
  readonly timeline: Pick<TimelineStore, 'append'>;
  readonly newFetcher: () => Fetcher;
  readonly clock: Clock;
  readonly log: Logger;
  /** A callback came to an end. */
  readonly onDone: (result: 'delivered' | 'failed') => void;
}

export class Couriers implements Courier {
  readonly #options: CouriersOptions;
  readonly #couriers = new Map<CallSid, CallCourier>();
  /** What was added for calls that live here and is not delivered yet, in order. */
  readonly #owed = new Map<CallSid, readonly Callback[]>();
  readonly #stop = new AbortController();
  /** Of calls that have left, with a request under way. */
  readonly #finishing = new Map<CallCourier, Promise<void>>();

  constructor(options: CouriersOptions) {
    this.#options = options;
  }

  wake(sid: CallSid, added: readonly Callback[] = []): void {
    if (added.length > 0) this.#owed.set(sid, [...this.owed(sid), ...added].slice(-MAX_OWED));
    const courier = this.#couriers.get(sid) ?? this.#open(sid);
    this.#couriers.set(sid, courier);
    courier.wake();
  }

  owed(sid: CallSid): readonly Callback[] {
    return this.#owed.get(sid) ?? [];
  }

  async leave(sid: CallSid): Promise<'empty' | 'left'> {
    const courier = this.#couriers.get(sid);
    if (!courier) return 'empty';
    this.#couriers.delete(sid);
    const { clock, log } = this.#options;
    try {
      await withDeadline(clock, LAST_WORDS_MS, 'callbacks', courier.drain());
      return 'empty';
    } catch (error) {
      if (!(error instanceof DeadlineExceeded))
        log.debug({ err: error, callSid: sid }, 'callbacks are left to the queue');
      const finished = courier.finish().finally(() => this.#finishing.delete(courier));
      this.#finishing.set(courier, finished);
      return 'left';
    } finally {
      this.#owed.delete(sid);
    }
  }

  /** The thread ends: requests under way have a moment, then they are cut off. */
  async close(): Promise<void> {
    const finished = Promise.all(this.#finishing.values());
    await withDeadline(this.#options.clock, CLOSE_MS, 'callbacks', finished).catch(() => undefined);
    this.#stop.abort(new Error('the couriers are closed'));
    const left = [...this.#finishing.keys(), ...this.#couriers.values()];
    this.#couriers.clear();
    await Promise.all(left.map((courier) => courier.close()));
  }

  async deliver(sid: CallSid): Promise<void> {
    const courier = this.#open(sid);
    try {
      await courier.drain();
    } finally {
      await courier.close();
    }
  }

  #open(sid: CallSid): CallCourier {
    const { outbox, timeline, newFetcher, clock, log, onDone } = this.#options;
    const me = randomBytes(8).toString('hex');
    let first: Callback | null = null;
    return new CallCourier({
      clock,
      log: log.child({ callSid: sid }),
      outbox: {
        claim: async (leaseMs) => {
          const claim = await outbox.claim(sid, me, leaseMs);
          if (claim.kind === 'owed') first = claim.owed.letter;
          return claim;
        },
        // The application has answered: trying again until that is written down, or it is asked twice.
        remove: async (id) => {
          const delivered = first;
          await untilDone(clock, this.#stop.signal, () => outbox.remove(sid, id, delivered ?? undefined));
          this.#delivered(sid, delivered);
        },
        release: () => outbox.release(sid, me),
      },
      fetcher: newFetcher(),
      note: (entry) => {
        onDone(entry.type === 'callback.delivered' ? 'delivered' : 'failed');
        return timeline.append(sid, [{ at: new Date(clock.now()).toISOString(), entry }]);
      },
    });
  }

  #delivered(sid: CallSid, callback: Callback | null): void {
    const owed = this.#owed.get(sid);
    if (owed === undefined) return;
    const json = JSON.stringify(callback);
    const at = owed.findIndex((one) => JSON.stringify(one) === json);
    if (at < 0) return;
    if (owed.length === 1) this.#owed.delete(sid);
    else this.#owed.set(sid, owed.toSpliced(at, 1));
  }
}
