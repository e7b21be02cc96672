/**
 * One client that follows a timeline: server-sent events, `id` is the event's `seq`, a comment every
 * 15 s so that nobody between us closes the connection. Ends a moment after the call, when its last words were
 * sent; when the client leaves or is too slow; and when the server stops. The response owns it.
 */
import type { Response } from 'express';
import { isFinal } from '../../shared/domain/call.ts';
import type { TimelineEvent } from '../../shared/domain/event.ts';
import { pause, withDeadline } from '../../shared/kernel/deadline.ts';
import type { CallSid } from '../../shared/kernel/ids.ts';
import type { ApiDeps, FollowBounds } from '../deps.ts';

const HEARTBEAT_MS = 15_000;
export const FOLLOW_BOUNDS: FollowBounds = { clients: 1000, slowMs: 30_000 };
const BATCH = 200;
/** The client's pause before it comes back, milliseconds. */
const RETRY_MS = 2000;
/** After the end of the call its timeline still grows: the BYE and its answer, what came of the last callbacks. */
const LINGER_MS = 2000;
/** Without a callback owed and an event for so long, nothing more is expected. */
const QUIET_MS = 500;

export class Follower {
  static #count = 0;
  /** Followers of this process now. */
  static get count(): number {
    return Follower.#count;
  }

  readonly #sid: CallSid;
  readonly #deps: ApiDeps;
  readonly #gone = new AbortController();
  #seen: number;
  #grown = true;
  #wroteAt: number;
  #wake: () => void = () => {};

  constructor(sid: CallSid, seen: number, deps: ApiDeps) {
    this.#sid = sid;
    this.#seen = seen;
    this.#deps = deps;
    this.#wroteAt = deps.clock.monotonic();
  }

  /** Resolves when the stream has ended; never rejects, as the answer has begun. */
  async run(response: Response): Promise<void> {
    const { stopping, metrics, store, logger } = this.#deps;
    const leave = (): void => this.#leave();
    response.once('close', leave);
    stopping.addEventListener('abort', leave, { once: true });
    Follower.#count += 1;
    metrics.followers.inc();
    const unfollow = store.timeline.follow(this.#sid, () => this.#note());
    try {
      begin(response);
      await this.#tell(response);
    } catch (error) {
      if (!this.#gone.signal.aborted) logger.warn({ err: error, callSid: this.#sid }, 'event stream broke off');
    } finally {
      unfollow();
      stopping.removeEventListener('abort', leave);
      Follower.#count -= 1;
      metrics.followers.dec();
      response.end();
    }
  }

  async #tell(response: Response): Promise<void> {
    while (!this.#gone.signal.aborted) {
      this.#grown = false;
      const call = await this.#deps.store.calls.get(this.#sid);
      await this.#catchUp(response);
      if (call === null) return;
      if (isFinal(call.status)) {
        await this.#linger(response);
        return;
      }
      const quietMs = this.#deps.clock.monotonic() - this.#wroteAt;
      if (quietMs >= HEARTBEAT_MS) await this.#write(response, ': still here\n\n');
      await this.#untilGrown(HEARTBEAT_MS);
    }
  }

  /** The call has ended: stays until its callbacks are done with and nothing came for a moment, within bounds. */
  async #linger(response: Response): Promise<void> {
    const { clock, store } = this.#deps;
    const until = clock.monotonic() + LINGER_MS;
    let quietSince = clock.monotonic();
    while (!this.#gone.signal.aborted) {
      this.#grown = false;
      const isOwing = (await store.outbox.peek(this.#sid)) !== null;
      const hasGrown = await this.#catchUp(response);
      const now = clock.monotonic();
      if (isOwing || hasGrown) quietSince = now;
      const leftMs = Math.min(quietSince + QUIET_MS, until) - now;
      if (leftMs <= 0) return;
      await this.#untilGrown(leftMs);
    }
  }

  /** True when there was something. */
  async #catchUp(response: Response): Promise<boolean> {
    const before = this.#seen;
    while (!this.#gone.signal.aborted) {
      const events = await this.#deps.store.timeline.read(this.#sid, this.#seen, BATCH);
      const last = events.at(-1);
      if (last === undefined) break;
      await this.#write(response, events.map(frame).join(''));
      this.#seen = last.seq;
    }
    return this.#seen > before;
  }

  /** At the latest after so long; at once when something came since the last look. */
  async #untilGrown(withinMs: number): Promise<void> {
    const heard = new AbortController();
    this.#wake = () => heard.abort();
    if (this.#grown) return;
    const signal = AbortSignal.any([heard.signal, this.#gone.signal]);
    await pause(this.#deps.clock, withinMs, signal).catch(() => undefined);
  }

  async #write(response: Response, text: string): Promise<void> {
    this.#wroteAt = this.#deps.clock.monotonic();
    if (response.destroyed || response.write(text)) return;
    const drained = new Promise<void>((resolve) => {
      response.once('drain', resolve);
      response.once('close', resolve);
    });
    const { slowMs } = this.#deps.followBounds ?? FOLLOW_BOUNDS;
    try {
      await withDeadline(this.#deps.clock, slowMs, 'a reading client', drained);
    } catch (error) {
      response.destroy();
      throw error;
    }
  }

  #note(): void {
    this.#grown = true;
    this.#wake();
  }

  #leave(): void {
    this.#gone.abort();
  }
}

function begin(response: Response): void {
  response.status(200).set({
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-store',
    'X-Accel-Buffering': 'no',
  });
  response.flushHeaders();
  response.write(`retry: ${RETRY_MS}\n\n`);
}

const frame = (event: TimelineEvent): string => `id: ${event.seq}\ndata: ${JSON.stringify(event)}\n\n`;
