/**
 * What surrounds a gateway, in memory: the part of the store it touches, a queue that remembers, and
 * a switch that takes Redis away. The test plays the owner of a call through `say` and `letters`.
 */
import type { CallPatch, CallRecord } from '../../shared/domain/call.ts';
import type { Callback } from '../../shared/domain/callback.ts';
import type { TimelineEntry } from '../../shared/domain/event.ts';
import type { CallLetter, GatewayLetter, Posted } from '../../shared/domain/letter.ts';
import type { NumberRecord } from '../../shared/domain/number.ts';
import type { CallSid, GatewayId, LegId, OwnerId } from '../../shared/kernel/ids.ts';
import type { CallChange, OwnerState } from '../../shared/store/store.ts';
import type { GatewayQueue, GatewayStore } from '../../worker/gateway/ports.ts';

interface Held {
  record: CallRecord;
  readonly letters: CallLetter[];
  /** The last serial of each who posts. */
  readonly posted: Map<string, number>;
  readonly box: Posted<GatewayLetter>[];
  readonly entries: TimelineEntry[];
  nextId: number;
}

const numberOf = (number: string): NumberRecord => ({
  number,
  voiceUrl: null,
  voiceMethod: 'POST',
  voiceFallbackUrl: null,
  twiml: '<Response/>',
  statusCallback: null,
  dialect: 'pivot',
});

export class GatewayWorld {
  readonly numbers = new Map<string, NumberRecord>();
  readonly calls = new Map<CallSid, Held>();
  readonly dialogs = new Map<string, { gateway: GatewayId; sid: CallSid; leg: LegId; data: unknown }>();
  /** Calls queued as jobs. */
  readonly jobs: CallSid[] = [];
  /** Calls whose callbacks some worker was asked to deliver, and what they owe. */
  readonly owed: CallSid[] = [];
  readonly callbacks: Callback[] = [];
  /** Bells rung at owners. */
  readonly bells: { readonly owner: OwnerId; readonly sid: CallSid }[] = [];
  readonly announced = new Map<GatewayId, string>();
  /** Worker threads that are there. */
  owners: (OwnerState & { readonly owner: OwnerId })[] = [];
  /** Told of each record that is read. */
  onGet: (sid: CallSid) => void = () => {};
  /** Redis is away: every step fails. */
  away = false;
  /** Redis does every step, and what it answers is lost. */
  unheard = false;

  addNumber(number: string, fields: Partial<NumberRecord> = {}): void {
    this.numbers.set(number, { ...numberOf(number), ...fields });
  }

  /** A call some API process created. */
  addCall(record: CallRecord): void {
    this.calls.set(record.sid, { record, letters: [], posted: new Map(), box: [], entries: [], nextId: 1 });
  }

  claim(sid: CallSid, owner: OwnerId): void {
    const held = this.held(sid);
    held.record = { ...held.record, owner };
  }

  /** The owner puts a letter into the gateway's box; ring `gateway.onBell` yourself. */
  say(sid: CallSid, letter: GatewayLetter): void {
    const held = this.held(sid);
    held.box.push({ id: held.nextId++, letter });
  }

  letters(sid: CallSid): readonly CallLetter[] {
    return this.held(sid).letters;
  }

  entryTypes(sid: CallSid): readonly string[] {
    return this.held(sid).entries.map(({ type }) => type);
  }

  held(sid: CallSid): Held {
    const held = this.calls.get(sid);
    if (!held) throw new Error(`There is no call ${sid}.`);
    return held;
  }

  readonly queue: GatewayQueue = {
    addCall: (sid) => this.#step(() => void this.jobs.push(sid)),
    dropCall: (sid) =>
      this.#step(() => void this.jobs.splice(0, this.jobs.length, ...this.jobs.filter((job) => job !== sid))),
    addCallbacks: (sid) => this.#step(() => void this.owed.push(sid)),
    signal: (owner, sid) => this.#step(() => void this.bells.push({ owner, sid })),
  };

  readonly store: GatewayStore = {
    calls: {
      create: (call) =>
        this.#step(() => {
          this.addCall(call);
          return { kind: 'created', call };
        }),
      get: (sid) => {
        this.onGet(sid);
        return this.#step(() => this.calls.get(sid)?.record ?? null);
      },
      endUnclaimed: (sid, patch, also) => this.#step(() => this.#endUnclaimed(sid, patch, also ?? {})),
    },
    timeline: {
      append: (sid, entries) =>
        this.#step(() => void this.held(sid).entries.push(...entries.map(({ entry }) => entry))),
    },
    mailbox: {
      postToCall: (sid, letter, by) =>
        this.#step(() => {
          const held = this.calls.get(sid);
          if (!held) return { kind: 'unknown' };
          if (held.record.ending) return { kind: 'ended' };
          const isNew = by === undefined || by.serial > (held.posted.get(by.poster) ?? 0);
          if (isNew) held.letters.push(letter);
          if (isNew && by) held.posted.set(by.poster, by.serial);
          return { kind: 'posted', owner: held.record.owner };
        }),
      readForGateway: (sid) => this.#step(() => [...(this.calls.get(sid)?.box ?? [])]),
      ackForGateway: (sid, upTo) =>
        this.#step(() => {
          const { box } = this.held(sid);
          box.splice(0, box.filter(({ id }) => id <= upTo).length);
        }),
    },
    dialogs: {
      put: (gateway, sid, leg, data) =>
        this.#step(() => void this.dialogs.set(`${sid}/${leg}`, { gateway, sid, leg, data })),
      remove: (_gateway, sid, leg) => this.#step(() => void this.dialogs.delete(`${sid}/${leg}`)),
      all: (gateway) => this.#step(() => [...this.dialogs.values()].filter((dialog) => dialog.gateway === gateway)),
    },
    numbers: { get: (number) => this.#step(() => this.numbers.get(number) ?? null) },
    presence: {
      announceGateway: (gateway, { address }) =>
        this.#step(() => {
          const said = this.announced.has(gateway) ? 'again' : 'new';
          this.announced.set(gateway, address);
          return said;
        }),
      owners: () => this.#step(() => this.owners),
      withdrawGateway: (gateway) => this.#step(() => void this.announced.delete(gateway)),
    },
    ping: () => this.#step(() => 0),
  };

  #endUnclaimed(sid: CallSid, patch: CallPatch, { entries = [], callbacks = [] }: CallChange): boolean {
    const held = this.calls.get(sid);
    if (!held || held.record.owner || held.record.ending) return false;
    held.record = { ...held.record, ...patch };
    held.entries.push(...entries.map(({ entry }) => entry));
    this.callbacks.push(...callbacks);
    return true;
  }

  async #step<T>(what: () => T): Promise<T> {
    await Promise.resolve();
    if (this.away) throw new Error('Redis is away.');
    const answer = what();
    if (this.unheard) throw new Error('Redis answered, and nobody heard it.');
    return answer;
  }
}

/** Lets everything that only waits for promises run on. No time passes. */
export async function settle(): Promise<void> {
  for (let round = 0; round < 50; round++) await Promise.resolve();
  await new Promise<void>((resolve) => setImmediate(resolve));
}
