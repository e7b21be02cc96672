/**
 * Delivers what a call owes the application, in order, one at a time: PROTOCOL §4.5, §6.1. The owner
 * runs one while the call lives, the `callbacks` queue another for what is left; a lease on the outbox lets
 * one of them work at a time, so that a callback which was accepted is not sent again. Each is removed
 * whatever came of it, so none blocks the others for ever. Closed by whoever made it.
 */
import type { Callback } from '../../shared/domain/callback.ts';
import type { TimelineEntry } from '../../shared/domain/event.ts';
import type { Posted } from '../../shared/domain/letter.ts';
import type { Clock, Timer } from '../../shared/kernel/clock.ts';
import { pause } from '../../shared/kernel/deadline.ts';
import type { Logger } from '../../shared/kernel/log.ts';
import { redactUrl } from '../../shared/kernel/redact.ts';
import { fetchCodes } from '../fetch/failure.ts';
import type { Fetched, Fetcher, FetchFailed } from '../fetch/fetcher.ts';

const TIMEOUT_MS = 15_000;
/** The answer of a callback is not read beyond this. */
const MAX_BYTES = 65_536;
/** Waits between the attempts: five attempts within a minute. */
const BACK_OFF_MS: readonly number[] = [1000, 4000, 15_000, 30_000];

/** A courier that dies is followed by another after so long; one that lives says so, however long its application takes. */
const LEASE_MS = 6000;
const RENEW_EVERY_MS = 1500;
/** While another courier has the lease, it is asked for this often: that one may be done early. */
const BUSY_PAUSE_MS = 1000;

/** The call's outbox, as `shared/store` keeps it, bound to one call and one courier. */
export interface CourierOutbox {
  /** The first callback, ours alone for so long; see `Outbox` in `shared/store/store.ts`. */
  claim(leaseMs: number): Promise<CourierClaim>;
  remove(id: number): Promise<void>;
  release(): Promise<void>;
}

export type CourierClaim =
  | { readonly kind: 'owed'; readonly owed: Posted<Callback> }
  | { readonly kind: 'busy'; readonly forMs: number }
  | { readonly kind: 'empty' };

export interface CourierPorts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly outbox: CourierOutbox;
  readonly fetcher: Fetcher;
  /** What became of it, for the timeline. */
  readonly note: (entry: TimelineEntry) => void | Promise<void>;
}

export class Courier {
  readonly #ports: CourierPorts;
  /** No further attempt. */
  readonly #stop = new AbortController();
  /** Nor the one under way. */
  readonly #life = new AbortController();
  #round: Promise<void> | null = null;
  #again = false;
  /** Runs while we hold the lease. */
  #renewal: Timer | null = null;

  constructor(ports: CourierPorts) {
    this.#ports = ports;
  }

  /** Something may have been added; returns at once. */
  wake(): void {
    this.drain().catch((error: unknown) => {
      if (!this.#stop.signal.aborted) this.#ports.log.warn({ err: error }, 'callbacks are not delivered now');
    });
  }

  /** Delivers until the outbox is empty. Rejects when the outbox cannot be read, or when closed; nothing is lost by that. */
  drain(): Promise<void> {
    if (this.#round !== null) {
      this.#again = true;
      return this.#round;
    }
    this.#round = this.#deliverUntilQuiet();
    return this.#round;
  }

  /**
   * Lets the request under way come to its end, since the application may have accepted it already, and
   * begins no other. What is undelivered stays in the outbox. Idempotent, never rejects.
   */
  async finish(): Promise<void> {
    this.#stop.abort(new Error('the courier is closed'));
    await this.#round?.catch(() => {});
  }

  /** Stops at once, the request under way too. Idempotent, never rejects. */
  async close(): Promise<void> {
    this.#life.abort(new Error('the courier is closed'));
    await this.finish();
  }

  /** Also what is added while the lease is given back; the round is over in the very step of the last look. */
  async #deliverUntilQuiet(): Promise<void> {
    try {
      do {
        this.#again = false;
        await this.#deliverAll();
      } while (this.#again);
    } finally {
      this.#round = null;
    }
  }

  async #deliverAll(): Promise<void> {
    const { outbox, note } = this.#ports;
    try {
      for (let owed = await this.#next(); owed !== null; owed = await this.#next()) {
        const entry = await this.#deliver(owed);
        if (entry === null) continue;
        await outbox.remove(owed.id);
        await note(entry);
      }
    } finally {
      const isHolding = this.#renewal !== null;
      this.#renewal?.cancel();
      this.#renewal = null;
      // When this fails the lease runs out by itself.
      if (isHolding) await outbox.release().catch(() => {});
    }
  }

  #renewLater(): void {
    const { clock, outbox } = this.#ports;
    this.#renewal = clock.after(RENEW_EVERY_MS, () => {
      // What this answers is asked again before the next attempt.
      outbox.claim(LEASE_MS).catch(() => {});
      this.#renewLater();
    });
  }

  /** The next callback, as soon as no other courier is at it; null when none is owed. */
  async #next(): Promise<Posted<Callback> | null> {
    const { clock, outbox } = this.#ports;
    const { signal } = this.#stop;
    for (;;) {
      signal.throwIfAborted();
      const claim = await outbox.claim(LEASE_MS);
      if (claim.kind === 'empty') return null;
      if (claim.kind === 'owed') {
        if (this.#renewal === null) this.#renewLater();
        return claim.owed;
      }
      await pause(clock, Math.min(claim.forMs, BUSY_PAUSE_MS), signal);
    }
  }

  /** Null when another courier took over while we waited. */
  async #deliver({ id, letter: callback }: Posted<Callback>): Promise<TimelineEntry | null> {
    const place = { url: redactUrl(callback.url), event: callback.event };
    for (let attempts = 1; ; attempts += 1) {
      const answer = await this.#attempt(callback);
      if (answer.kind === 'fetched') {
        return { type: 'callback.delivered', ...place, httpStatus: answer.httpStatus, attempts };
      }
      const waitMs = BACK_OFF_MS[attempts - 1];
      if (waitMs === undefined || !mayPass(answer)) {
        return { type: 'callback.failed', ...place, attempts, detail: `${answer.code} ${answer.detail}` };
      }
      await pause(this.#ports.clock, waitMs, this.#stop.signal);
      const claim = await this.#ports.outbox.claim(LEASE_MS);
      if (claim.kind !== 'owed' || claim.owed.id !== id) return null;
    }
  }

  #attempt({ url, method, fields, traceparent }: Callback): Promise<Fetched | FetchFailed> {
    const { signal } = this.#life;
    const order = { url, method, fields, timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES, signal };
    return this.#ports.fetcher.fetch(traceparent === undefined ? order : { ...order, traceparent });
  }
}

/** Trouble that may pass: the server's own (5xx, 429) or on the way. A refusal stays one. */
function mayPass({ code, httpStatus }: FetchFailed): boolean {
  if (httpStatus !== null) return httpStatus >= 500 || httpStatus === 429;
  return code !== fetchCodes.badUrl && code !== fetchCodes.redirects;
}
