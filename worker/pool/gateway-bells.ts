/**
 * Rings at gateways for the letters of their calls until they are read. A ring can be lost with the gateway that heard
 * it, or with the Redis that had it; and the last letter of a call, which hangs up, is read when the call is over here.
 */
import type { Clock, Timer } from '../../shared/kernel/clock.ts';
import type { CallSid, GatewayId } from '../../shared/kernel/ids.ts';
import type { Logger } from '../../shared/kernel/log.ts';
import type { CallQueue } from '../../shared/queue/ports.ts';
import { RedisUnavailable } from '../../shared/store/redis.ts';
import type { Mailbox } from '../../shared/store/store.ts';

/** A gateway that is there has read a letter long before. */
const HEARD_MS = 2000;
/** For a call that is over. By then its gateway has seen that itself. */
const LASTS_MS = 60_000;

export interface GatewayBellsOptions {
  readonly queue: Pick<CallQueue, 'signal'>;
  readonly mailbox: Pick<Mailbox, 'readForGateway'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A call whose letters are not known to be read. */
interface Watch {
  readonly gateway: GatewayId;
  readonly timer: Timer;
  /** The box is being looked into: a letter of now may not be seen. */
  isLooking: boolean;
  /** Monotonic; a call that is up is rung for without an end. */
  until: number;
}

export class GatewayBells {
  readonly #options: GatewayBellsOptions;
  readonly #watches = new Map<CallSid, Watch>();
  #closed = false;

  constructor(options: GatewayBellsOptions) {
    this.#options = options;
  }

  /** The call has a letter for its gateway. */
  ring(sid: CallSid, gateway: GatewayId): void {
    if (this.#closed) return;
    const known = this.#watches.get(sid);
    if (!known || known.isLooking) this.#watch(sid, gateway, known?.until ?? Number.POSITIVE_INFINITY);
    this.#options.queue.signal(gateway, sid).catch((error: unknown) => {
      // Away for the moment: the queue rings when it is back, and so do we.
      if (error instanceof RedisUnavailable) return;
      this.#options.log.error({ err: error, callSid: sid }, 'the bell of a gateway failed');
    });
  }

  /** The call has ended: what is unread is rung for a while yet. */
  over(sid: CallSid): void {
    const watch = this.#watches.get(sid);
    if (watch) watch.until = this.#options.clock.monotonic() + LASTS_MS;
  }

  /** Another owner goes on with the call, and rings. */
  forget(sid: CallSid): void {
    this.#watches.get(sid)?.timer.cancel();
    this.#watches.delete(sid);
  }

  /** Idempotent. */
  close(): void {
    this.#closed = true;
    for (const sid of [...this.#watches.keys()]) this.forget(sid);
  }

  #watch(sid: CallSid, gateway: GatewayId, until: number): void {
    const timer = this.#options.clock.after(HEARD_MS, () => void this.#ringUnlessHeard(sid, watch));
    const watch: Watch = { gateway, timer, isLooking: false, until };
    this.#watches.set(sid, watch);
  }

  async #ringUnlessHeard(sid: CallSid, watch: Watch): Promise<void> {
    watch.isLooking = true;
    const isUnread = await this.#options.mailbox.readForGateway(sid).then(
      (letters) => letters.length > 0,
      () => true,
    );
    if (this.#watches.get(sid) !== watch) return;
    if (isUnread && this.#options.clock.monotonic() < watch.until) this.ring(sid, watch.gateway);
    else this.forget(sid);
  }
}
