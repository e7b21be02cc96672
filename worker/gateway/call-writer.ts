/**
 * The written side of one call as its gateway sees it: letters to the call, its dialogs, the
 * acknowledgement of its box and timeline entries, in order, one round trip at a time.
 * While Redis is away everything waits here within bounds; nothing here holds up a SIP message.
 */
import type { CallRecord } from '../../shared/domain/call.ts';
import { completedCallback } from '../../shared/domain/completed-callback.ts';
import type { Ending } from '../../shared/domain/ending.ts';
import type { TimelineEntry } from '../../shared/domain/event.ts';
import type { CallLetter } from '../../shared/domain/letter.ts';
import type { Clock, Timer } from '../../shared/kernel/clock.ts';
import { withDeadline } from '../../shared/kernel/deadline.ts';
import type { CallSid, GatewayId, LegId, OwnerId } from '../../shared/kernel/ids.ts';
import type { LetterSerial } from '../../shared/store/store.ts';
import type { Counters } from './counters.ts';
import type { LetterSerials } from './letter-serials.ts';
import type { GatewayQueue, GatewayStore } from './ports.ts';
import type { Room } from './room.ts';

/** What all writers share. */
export interface WriterPorts {
  readonly store: GatewayStore;
  readonly queue: GatewayQueue;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly gateway: GatewayId;
  readonly serials: LetterSerials;
  /** Letters and entries that may wait in the whole process. */
  readonly room: Room;
}

type Item =
  | {
      readonly kind: 'letter';
      readonly letter: CallLetter;
      readonly by: LetterSerial;
      /** It may lie in the box: posting it was begun. */
      tried: boolean;
    }
  /** Ends the call when nobody owns it; `ended` learns whether that was so. */
  | {
      readonly kind: 'end';
      readonly call: CallRecord;
      readonly ending: Ending;
      readonly atMs: number;
      readonly ended: (done: boolean) => void;
    };

interface WaitingEntry {
  readonly at: string;
  readonly entry: TimelineEntry;
}

const MOST_LETTERS = 128;
const MOST_ENTRIES = 256;
/** Entries alone wait this long for company. */
const BATCH_MS = 50;
const STORE_DEADLINE_MS = 5000;
/** An owner notices within a second or two that Redis has forgotten its call. */
const FORGOTTEN_MS = 10_000;
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 2000;

export class CallWriter {
  readonly #sid: CallSid;
  readonly #ports: WriterPorts;
  readonly #onCallGone: () => void;
  #items: Item[] = [];
  #entries: WaitingEntry[] = [];
  readonly #dialogs = new Map<LegId, unknown>();
  #ack = 0;
  #unknownSinceMs: number | null = null;
  #acked = 0;
  #running = false;
  #held: boolean;
  #timer: Timer | null = null;
  #retryMs = FIRST_RETRY_MS;
  #waiters: (() => void)[] = [];

  /** `held`: nothing is written before `release`, because the record is not there yet. */
  constructor(sid: CallSid, ports: WriterPorts, held: boolean, onCallGone: () => void) {
    this.#sid = sid;
    this.#ports = ports;
    this.#held = held;
    this.#onCallGone = onCallGone;
  }

  /** Letters arrive in the order they were given. */
  letter(letter: CallLetter): void {
    this.#ports.counters.add('lettersToCalls');
    this.#push({ kind: 'letter', letter, by: this.#ports.serials.next(), tried: false });
  }

  /** Does not post this letter, or not once more. True when it is surely not in the box and never will be. */
  withdraw(letter: CallLetter): boolean {
    const index = this.#items.findIndex((item) => item.kind === 'letter' && item.letter === letter);
    const [item] = index < 0 ? [] : this.#items.splice(index, 1);
    if (item?.kind !== 'letter') return false;
    this.#ports.room.give(1);
    return !item.tried;
  }

  /** Ends the call as long as no owner has claimed it. */
  endUnclaimed(call: CallRecord, ending: Ending, ended: (done: boolean) => void): void {
    this.#push({ kind: 'end', call, ending, atMs: this.#ports.clock.now(), ended });
  }

  entry(entry: TimelineEntry): void {
    if (this.#entries.length >= MOST_ENTRIES || !this.#ports.room.take()) {
      this.#ports.counters.add('entriesDropped');
      return;
    }
    this.#entries.push({ at: new Date(this.#ports.clock.now()).toISOString(), entry });
    this.#schedule(BATCH_MS);
  }

  /** The newest state of a leg's dialog; null removes it. */
  dialog(leg: LegId, data: unknown): void {
    this.#dialogs.set(leg, data);
    this.#schedule(0);
  }

  /** Everything up to this letter of the box has been applied. */
  ack(upTo: number): void {
    this.#ack = Math.max(this.#ack, upTo);
    this.#schedule(0);
  }

  release(): void {
    this.#held = false;
    this.#schedule(0);
  }

  /** Forgets what waits: there is no call to write about. */
  discard(): void {
    this.#ports.room.give(this.#entries.length + this.#items.length);
    this.#entries = [];
    this.#items = [];
    this.#ack = this.#acked;
    this.release();
  }

  get idle(): boolean {
    return !this.#running && !this.#hasWork();
  }

  /** Resolves as soon as nothing waits. The caller sets the deadline. */
  flush(): Promise<void> {
    this.#schedule(0);
    return this.idle ? Promise.resolve() : new Promise((resolve) => this.#waiters.push(resolve));
  }

  #push(item: Item): void {
    if (this.#items.length >= MOST_LETTERS || !this.#ports.room.take()) {
      this.#makeRoom();
      this.#ports.room.insist();
    }
    this.#items.push(item);
    this.#schedule(0);
  }

  /** The oldest digit goes first: a call can do without a digit, not without its end. */
  #makeRoom(): void {
    const digit = this.#items.findIndex((item) => item.kind === 'letter' && item.letter.kind === 'digit');
    const dropped = this.#items.splice(Math.max(digit, 0), 1);
    this.#ports.room.give(dropped.length);
    this.#ports.counters.add('lettersDropped', dropped.length);
  }

  #hasWork(): boolean {
    return this.#items.length > 0 || this.#entries.length > 0 || this.#dialogs.size > 0 || this.#ack > this.#acked;
  }

  #schedule(delayMs: number): void {
    if (this.#held || this.#running) return;
    if (delayMs > 0) {
      this.#timer ??= this.#ports.clock.after(delayMs, () => this.#run());
      return;
    }
    // A retry that waits for its time is not hurried: Redis is away.
    if (this.#timer && this.#retryMs > FIRST_RETRY_MS) return;
    this.#run();
  }

  #run(): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#running || !this.#hasWork()) return;
    this.#running = true;
    void this.#drain();
  }

  async #drain(): Promise<void> {
    let fine = true;
    while (fine && this.#hasWork()) fine = await this.#step();
    this.#running = false;
    if (!fine) {
      this.#ports.counters.add('storeErrors');
      const delay = this.#retryMs;
      this.#retryMs = Math.min(delay * 2, LAST_RETRY_MS);
      this.#timer = this.#ports.clock.after(delay, () => this.#run());
      return;
    }
    this.#retryMs = FIRST_RETRY_MS;
    for (const wake of this.#waiters.splice(0)) wake();
  }

  /** One round trip: entries first, so that the timeline tells them before what they cause. */
  async #step(): Promise<boolean> {
    if (this.#entries.length === 0 && this.#items.length === 0 && this.#dialogs.size === 0) return this.#writeAck();
    const results = await Promise.all([this.#writeEntries(), this.#writeItem(), ...this.#writeDialogs()]);
    return results.every((fine) => fine);
  }

  async #writeEntries(): Promise<boolean> {
    const entries = this.#entries.splice(0);
    if (entries.length === 0) return true;
    const fine = await this.#attempt(this.#ports.store.timeline.append(this.#sid, entries));
    if (fine === FAILED) this.#entries.unshift(...entries);
    else this.#ports.room.give(entries.length);
    return fine !== FAILED;
  }

  async #writeItem(): Promise<boolean> {
    const item = this.#items[0];
    if (!item) return true;
    const fine = item.kind === 'letter' ? await this.#post(item) : await this.#end(item);
    if (fine && this.#items[0] === item) {
      this.#items.shift();
      this.#ports.room.give(1);
    }
    return fine;
  }

  async #post(item: Extract<Item, { kind: 'letter' }>): Promise<boolean> {
    const { letter, by } = item;
    item.tried = true;
    const posted = await this.#attempt(this.#ports.store.mailbox.postToCall(this.#sid, letter, by));
    if (posted === FAILED) return false;
    if (posted.kind === 'posted') {
      this.#unknownSinceMs = null;
      if (posted.owner) this.#ring(posted.owner);
      return true;
    }
    if (posted.kind === 'unknown' && this.#mayBeForgotten()) return false;
    this.#onCallGone();
    return true;
  }

  /** A Redis that was emptied knows the call again as soon as its owner has noticed. */
  #mayBeForgotten(): boolean {
    const nowMs = this.#ports.clock.now();
    this.#unknownSinceMs ??= nowMs;
    return nowMs - this.#unknownSinceMs < FORGOTTEN_MS;
  }

  /** A bell that fails is rung again by the next letter; the owner's own rounds find the box as well. */
  #ring(owner: OwnerId): void {
    this.#ports.queue.signal(owner, this.#sid).catch(() => this.#ports.counters.add('storeErrors'));
  }

  async #end({ call, ending, atMs, ended }: Extract<Item, { kind: 'end' }>): Promise<boolean> {
    const at = new Date(atMs).toISOString();
    const callback = completedCallback(call, ending, atMs);
    const patch = { status: ending.status, endedAt: at, ending };
    const also = {
      entries: [{ at, entry: { type: 'call.ended', ending } as const }],
      callbacks: callback ? [callback] : [],
    };
    const done = await this.#attempt(this.#ports.store.calls.endUnclaimed(this.#sid, patch, also));
    if (done === FAILED) return false;
    if (done) {
      this.#ports.counters.unclaimedEnd(ending);
      void this.#tidyQueue(callback !== null);
    }
    ended(done);
    return true;
  }

  /** The job goes last: whoever takes the job of an ended call sees to what it owes. */
  async #tidyQueue(owesCallback: boolean): Promise<void> {
    const { queue, counters } = this.#ports;
    try {
      if (owesCallback) await queue.addCallbacks(this.#sid);
      await queue.dropCall(this.#sid);
    } catch {
      counters.add('storeErrors');
    }
  }

  #writeDialogs(): Promise<boolean>[] {
    const { store, gateway } = this.#ports;
    const waiting = [...this.#dialogs];
    this.#dialogs.clear();
    return waiting.map(async ([leg, data]) => {
      const write =
        data === null
          ? store.dialogs.remove(gateway, this.#sid, leg)
          : store.dialogs.put(gateway, this.#sid, leg, data);
      const fine = (await this.#attempt(write)) !== FAILED;
      if (!fine && !this.#dialogs.has(leg)) this.#dialogs.set(leg, data);
      return fine;
    });
  }

  async #writeAck(): Promise<boolean> {
    const upTo = this.#ack;
    if (upTo <= this.#acked) return true;
    const fine = await this.#attempt(this.#ports.store.mailbox.ackForGateway(this.#sid, upTo));
    if (fine !== FAILED) this.#acked = upTo;
    return fine !== FAILED;
  }

  async #attempt<T>(work: Promise<T>): Promise<T | typeof FAILED> {
    try {
      return await withDeadline(this.#ports.clock, STORE_DEADLINE_MS, 'Redis', work);
    } catch {
      return FAILED;
    }
  }
}

const FAILED = Symbol('failed');
