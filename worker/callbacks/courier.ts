/**
 * Delivers what a call owes the application, in order, one at a time: PROTOCOL §4.5, §6.1. The owner
 * runs one while the call lives, the `callbacks` queue another for what is left; both remove a callback
 * whatever came of it, so none blocks the others for ever. Closed by whoever made it.
 */
import type { Callback } from '../../shared/domain/callback.ts';
import type { TimelineEntry } from '../../shared/domain/event.ts';
import type { Posted } from '../../shared/domain/letter.ts';
import type { Clock } from '../../shared/kernel/clock.ts';
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

/** The call's outbox, as `shared/store` keeps it, bound to one call. */
export interface CourierOutbox {
  peek(): Promise<Posted<Callback> | null>;
  remove(id: number): Promise<void>;
}

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
  readonly #life = new AbortController();
  #round: Promise<void> | null = null;
  #again = false;

  constructor(ports: CourierPorts) {
    this.#ports = ports;
  }

  /** Something may have been added; returns at once. */
  wake(): void {
    this.drain().catch((error: unknown) => {
      if (!this.#life.signal.aborted) this.#ports.log.warn({ err: error }, 'callbacks are not delivered now');
    });
  }

  /** Delivers until the outbox is empty. Rejects when the outbox cannot be read, or when closed; nothing is lost by that. */
  drain(): Promise<void> {
    if (this.#round !== null) {
      this.#again = true;
      return this.#round;
    }
    this.#round = this.#deliverAll().finally(() => {
      this.#round = null;
    });
    return this.#round;
  }

  /** Stops between two steps; what is undelivered stays in the outbox. Idempotent, never rejects. */
  async close(): Promise<void> {
    this.#life.abort(new Error('the courier is closed'));
    await this.#round?.catch(() => {});
  }

  async #deliverAll(): Promise<void> {
    do {
      this.#again = false;
      for (let owed = await this.#next(); owed !== null; owed = await this.#next()) {
        const entry = await this.#deliver(owed.letter);
        await this.#ports.outbox.remove(owed.id);
        await this.#ports.note(entry);
      }
    } while (this.#again);
  }

  async #next(): Promise<Posted<Callback> | null> {
    this.#life.signal.throwIfAborted();
    return await this.#ports.outbox.peek();
  }

  async #deliver(callback: Callback): Promise<TimelineEntry> {
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
      await pause(this.#ports.clock, waitMs, this.#life.signal);
    }
  }

  #attempt({ url, method, fields }: Callback): Promise<Fetched | FetchFailed> {
    const { signal } = this.#life;
    return this.#ports.fetcher.fetch({ url, method, fields, timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES, signal });
  }
}

/** Trouble that may pass: the server's own (5xx, 429) or on the way. A refusal stays one. */
function mayPass({ code, httpStatus }: FetchFailed): boolean {
  if (httpStatus !== null) return httpStatus >= 500 || httpStatus === 429;
  return code !== fetchCodes.badUrl && code !== fetchCodes.redirects;
}
