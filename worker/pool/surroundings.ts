/**
 * Who else is there: says every second that this owner lives and how full it is, knows the
 * gateways, and clears away the bells of owners that went without a word.
 */
import type { Clock, Timer } from '../../shared/kernel/clock.ts';
import type { GatewayId } from '../../shared/kernel/ids.ts';
import type { Logger } from '../../shared/kernel/log.ts';
import type { OwnerState } from '../../shared/store/store.ts';
import { Gateways } from './gateways.ts';
import type { PoolOptions } from './ports.ts';

const BEAT_MS = 1000;
/** Every so many beats the gone are looked for. */
const GONE_EVERY = 10;

export class Surroundings {
  readonly #options: Pick<PoolOptions, 'owner' | 'store' | 'queue'> & { readonly clock: Clock; readonly log: Logger };
  readonly #state: () => OwnerState;
  readonly #gateways = new Gateways();
  #beats = 0;
  #timer: Timer | null = null;
  #closed = false;

  constructor(options: Pick<PoolOptions, 'owner' | 'store' | 'queue' | 'clock' | 'log'>, state: () => OwnerState) {
    this.#options = options;
    this.#state = state;
  }

  /** The first announcement; rejects when Redis is away. */
  async open(): Promise<void> {
    await this.beat();
    this.#schedule();
  }

  /** Announces now: the state has changed. */
  announce(): Promise<void> {
    return this.#options.store.presence.announceOwner(this.#options.owner, this.#state());
  }

  /** One round: announces and looks around. */
  async beat(): Promise<void> {
    const { store, owner, queue } = this.#options;
    this.#beats += 1;
    const [gateways] = await Promise.all([store.presence.gateways(), this.announce()]);
    this.#gateways.seen(gateways);
    if (this.#beats % GONE_EVERY !== 0) return;
    for (const gone of await store.presence.goneOwners()) {
      if (gone !== owner) await queue.removeBell(gone);
    }
  }

  /** The gateway for a new outbound call; asks again when none was known. */
  async gatewayForCall(): Promise<GatewayId | null> {
    if (this.#gateways.isEmpty) this.#gateways.seen(await this.#options.store.presence.gateways());
    return this.#gateways.choose();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    const { store, owner, queue } = this.#options;
    await store.presence.withdrawOwner(owner);
    await queue.removeBell(owner);
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#timer = this.#options.clock.after(BEAT_MS, () => {
      this.beat()
        // Away for the moment: the entry expires, and the next beat brings it back. So does every other's: who is
        // gone for good is asked only when all have had the time to say that they are not.
        .catch((error: unknown) => {
          this.#beats = 0;
          this.#options.log.debug({ err: error }, 'presence was not announced');
        })
        .finally(() => this.#schedule());
    });
  }
}
