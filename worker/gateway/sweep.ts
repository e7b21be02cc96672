/**
 * Looks after legs whose call has ended or is gone: its owner died before it could say so. A few calls each second, so that
 * nobody with sound on the same core waits for it.
 */
import { type CallRecord, isFinal } from '../../shared/domain/call.ts';
import type { Clock } from '../../shared/kernel/clock.ts';
import { withDeadline } from '../../shared/kernel/deadline.ts';
import { turnOf } from '../../shared/kernel/turns.ts';
import type { Counters } from './counters.ts';
import type { GatewayCall } from './gateway-call.ts';
import type { GatewayStore } from './ports.ts';

/** Every call's record is looked at this often, and not before the call is as old. */
const EVERY_S = 30;
/** An owner's hang-up may come this long after the call's end was written. */
const LAST_LETTERS_MS = 5000;
const STORE_DEADLINE_MS = 5000;

export class Sweep {
  readonly #store: GatewayStore;
  readonly #clock: Clock;
  readonly #counters: Counters;
  /** Calls without a record when they were last looked at. */
  readonly #missing = new WeakSet<GatewayCall>();
  #turn = 0;
  #isBusy = false;

  constructor(store: GatewayStore, clock: Clock, counters: Counters) {
    this.#store = store;
    this.#clock = clock;
    this.#counters = counters;
  }

  /** Once a second: those whose turn it is. While Redis takes longer than that, turns are left out. */
  async turn(all: Iterable<GatewayCall>): Promise<void> {
    this.#turn = (this.#turn + 1) % EVERY_S;
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      for (const call of [...all].filter(({ sid }) => turnOf(sid, EVERY_S) === this.#turn)) {
        if (!(await this.#lookAfter(call))) break;
      }
    } finally {
      this.#isBusy = false;
    }
  }

  /** False when Redis is away: the rest is left to the next turn. */
  async #lookAfter(call: GatewayCall): Promise<boolean> {
    if (call.liveLegs === 0 || !call.isOlderThan(EVERY_S * 1000)) return true;
    let record: CallRecord | null;
    try {
      record = await withDeadline(this.#clock, STORE_DEADLINE_MS, 'Redis', this.#store.calls.get(call.sid));
    } catch {
      return false;
    }
    if (record) this.#missing.delete(call);
    const isOrphan = record ? this.#endedLongAgo(record) : !this.#isNewlyMissing(call);
    if (isOrphan && call.liveLegs > 0) {
      this.#counters.add('orphansHungUp');
      call.hangupAll();
    }
    return true;
  }

  /** Long enough for the owner's last letters to have come. */
  #endedLongAgo({ status, endedAt }: CallRecord): boolean {
    if (!isFinal(status)) return false;
    return endedAt === null || this.#clock.now() - Date.parse(endedAt) > LAST_LETTERS_MS;
  }

  /** Redis may have forgotten the call a moment ago, and its owner be about to write it again. */
  #isNewlyMissing(call: GatewayCall): boolean {
    if (this.#missing.has(call)) return false;
    this.#missing.add(call);
    return true;
  }
}
