/**
 * What is kept in Redis, as the rest of the system sees it. The implementation is `openStore` (open.ts);
 * the contract suite is `test/contract/store-*.test.ts`.
 *
 * All keys of one call share the hash tag `{CA…}`, so each step below that names one call is one
 * Lua script on one slot. A write that carries an epoch is refused with `lost` when a newer owner
 * has claimed the call; whoever is refused drops the media and writes nothing more.
 */

import type { CallPatch, CallRecord, CallStatus } from '../domain/call.ts';
import type { Callback } from '../domain/callback.ts';
import type { TimelineEntry, TimelineEvent } from '../domain/event.ts';
import type { CallLetter, GatewayLetter, Posted, StreamUpdate } from '../domain/letter.ts';
import type { NumberRecord } from '../domain/number.ts';
import type { StreamPatch, StreamRecord, StreamRefusal } from '../domain/stream.ts';
import { ExpectedFailure } from '../kernel/expected-failure.ts';
import type { CallSid, Epoch, GatewayId, LegId, OwnerId, StreamSid } from '../kernel/ids.ts';

/** A fenced write: done, or refused because a newer owner exists. */
export type Fenced = 'done' | 'lost';

/** An expected failure: Redis has lost what it knew of this call. Its owner writes it again: `CallStore.restore`. */
export class CallForgotten extends ExpectedFailure {
  override readonly name = 'CallForgotten';
  constructor() {
    super('Redis has forgotten the call');
  }
}

/** A call as its owner remembers it. */
export interface CallMemory {
  readonly call: CallRecord;
  readonly epoch: Epoch;
  /** Of the last change that was written. */
  readonly serial: number;
  readonly streams: readonly StreamRecord[];
  readonly entries: NonNullable<CallChange['entries']>;
  readonly callbacks: readonly Callback[];
}

export interface Page<Item> {
  readonly items: readonly Item[];
  /** Opaque; null on the last page. */
  readonly nextCursor: string | null;
}

export interface CallFilter {
  readonly status?: CallStatus;
  readonly to?: string;
  readonly from?: string;
  /** Milliseconds since the epoch, of `createdAt`, inclusive. */
  readonly since?: number;
  readonly until?: number;
}

/** An `Idempotency-Key`, and what tells one body from another. */
export interface Once {
  readonly key: string;
  readonly fingerprint: string;
}

export type Repeated =
  /** The same `Idempotency-Key` with the same body came before: its call. */
  | { readonly kind: 'repeated'; readonly call: CallRecord }
  /** The same key with another body. */
  | { readonly kind: 'key_reused' };

export type Created = { readonly kind: 'created'; readonly call: CallRecord } | Repeated;

export interface CallStore {
  /** Writes the record, its first timeline entry and its place in the index. Does not queue the job. */
  create(call: CallRecord, once?: Once): Promise<Created>;
  /** What `create` would answer because the key came before; null when it is free. */
  repeated(once: Once): Promise<Repeated | null>;
  /** Null when there is none. @throws RedisUnavailable also for a moment after Redis lost its data: it may be one of those. */
  get(sid: CallSid): Promise<CallRecord | null>;
  /** Newest first. */
  list(filter: CallFilter, limit: number, cursor: string | null): Promise<Page<CallRecord>>;
  /** Takes the call for this owner with a new epoch; null when it has ended or never was. */
  claim(sid: CallSid, owner: OwnerId): Promise<{ readonly call: CallRecord; readonly epoch: Epoch } | null>;
  /**
   * The owner's one write: patch, timeline entries and callbacks owed, in one step.
   * When the patch carries a final status the call leaves the live sets and its retention time begins.
   *
   * @throws CallForgotten as every step that carries an epoch.
   */
  save(sid: CallSid, epoch: Epoch, change: CallChange): Promise<Fenced>;
  /** Writes a call again that Redis has forgotten; `lost` when a newer owner has done so or has claimed it. */
  restore(memory: CallMemory): Promise<Fenced>;
  /**
   * Ends a call nobody owns yet (API cancel, queue time limit). False when it is owned or ended.
   * `letters` are for its gateway, which the caller rings: an inbound call must be refused there.
   */
  endUnclaimed(
    sid: CallSid,
    patch: CallPatch,
    also?: Pick<CallChange, 'entries' | 'callbacks' | 'letters'>,
  ): Promise<boolean>;
  /** Calls nobody has taken that were created before this time (milliseconds), oldest first. */
  overdue(createdBefore: number, limit: number): Promise<readonly CallSid[]>;
}

/** Everything an owner writes in one step, in the order it happened. */
export interface CallChange {
  readonly patch?: CallPatch;
  readonly entries?: readonly { readonly at: string; readonly entry: TimelineEntry }[];
  readonly callbacks?: readonly Callback[];
  readonly letters?: readonly GatewayLetter[];
  readonly streams?: readonly { readonly stream: StreamSid; readonly patch: StreamPatch }[];
  /**
   * Grows from 1 within an epoch. A change whose number is not above the last one was written before
   * and only its answer was lost: so a change can be tried again without being done twice.
   */
  readonly serial?: number;
}

/** An expected failure: a thousand letters lie unread in this box. */
export class BoxFull extends ExpectedFailure {
  override readonly name = 'BoxFull';
  constructor() {
    super('too many letters wait for this call');
  }
}

export interface TimelineStore {
  /** For writers other than the owner: gateway, API, callback delivery. */
  append(sid: CallSid, entries: readonly { readonly at: string; readonly entry: TimelineEntry }[]): Promise<void>;
  /** Entries after `afterSeq`, oldest first. */
  read(sid: CallSid, afterSeq: number, limit: number): Promise<readonly TimelineEvent[]>;
  /** Calls `wake` whenever the timeline of the call grew; at worst late, never lost for good (1 s poll behind it). */
  follow(sid: CallSid, wake: () => void): () => void;
}

export interface StreamStore {
  /**
   * The one step that decides limits, for API and TwiML alike (PROTOCOL §0 row 21, AC-27…AC-29, AC-49).
   * `by: 'api'` also puts the `stream-start` letter into the call's box and repeats idempotently:
   * a live stream with the same name and an equal spec answers `existing`.
   */
  open(
    stream: StreamRecord,
    by: { readonly kind: 'api' } | { readonly kind: 'owner'; readonly epoch: Epoch },
  ): Promise<
    | { readonly kind: 'opened'; readonly stream: StreamRecord; readonly owner: OwnerId | null }
    | { readonly kind: 'existing'; readonly stream: StreamRecord }
    | { readonly kind: 'refused'; readonly reason: StreamRefusal }
    | { readonly kind: 'lost' }
  >;
  /** Puts the letter into the call's box, unless the stream is over or would carry more tracks than a call may have (AC-49). @throws BoxFull */
  change(
    stream: StreamRecord,
    letter: StreamUpdate,
  ): Promise<
    | { readonly kind: 'posted'; readonly owner: OwnerId | null }
    | { readonly kind: 'unknown' | 'ended' | 'stream_ended' | 'stream_limit' }
  >;
  /** By name (the newest of that name) or by sid. */
  get(sid: CallSid, nameOrSid: string): Promise<StreamRecord | null>;
  list(sid: CallSid): Promise<readonly StreamRecord[]>;
  save(sid: CallSid, stream: StreamSid, epoch: Epoch, patch: StreamPatch): Promise<Fenced>;
}

/** Which letter of whom: the serials of one poster grow within a call. One not above its last was posted before and only its answer was lost. */
export interface LetterSerial {
  /** One process that posts, for as long as it lives. */
  readonly poster: string;
  readonly serial: number;
}

/** The boxes of a call. Posting answers with whom to ring; the bells are in `shared/queue`. @throws BoxFull */
export interface Mailbox {
  /** Refused when the call has ended: nobody will read it. Without a serial, a letter that is posted again is there twice. */
  postToCall(
    sid: CallSid,
    letter: CallLetter,
    by?: LetterSerial,
  ): Promise<
    | { readonly kind: 'posted'; readonly owner: OwnerId | null }
    | { readonly kind: 'ended' }
    | { readonly kind: 'unknown' }
  >;
  readForCall(sid: CallSid, epoch: Epoch): Promise<readonly Posted<CallLetter>[] | 'lost'>;
  ackForCall(sid: CallSid, epoch: Epoch, upTo: number): Promise<Fenced>;
  /** Fenced by the caller's epoch. Letters of an ended call are still taken: a hang-up may be the last. */
  postToGateway(sid: CallSid, epoch: Epoch, letter: GatewayLetter): Promise<Fenced>;
  readForGateway(sid: CallSid): Promise<readonly Posted<GatewayLetter>[]>;
  ackForGateway(sid: CallSid, upTo: number): Promise<void>;
}

/** What a courier is told when it asks for the next callback; `busy`: another one delivers, for so many ms at most. */
export type CallbackClaim =
  | { readonly kind: 'owed'; readonly owed: Posted<Callback> }
  | { readonly kind: 'busy'; readonly forMs: number }
  | { readonly kind: 'empty' };

/** Callbacks owed, in order. The owner delivers while the call lives; the `callbacks` queue what is left. */
export interface Outbox {
  peek(sid: CallSid): Promise<Posted<Callback> | null>;
  /** The first one, for this courier alone until `leaseMs` have passed or it is released; claiming again renews. */
  claim(sid: CallSid, courier: string, leaseMs: number): Promise<CallbackClaim>;
  /** Others may deliver now. Harmless when another courier has taken over. */
  release(sid: CallSid, courier: string): Promise<void>;
  /** Removes it, whatever came of it; `callback` finds it also when it was written again under another number. */
  remove(sid: CallSid, id: number, callback?: Callback): Promise<void>;
}

/** Dialogs of a gateway, as plain data, so that a restarted gateway goes on with them. */
export interface DialogStore {
  put(gateway: GatewayId, sid: CallSid, leg: LegId, data: unknown): Promise<void>;
  remove(gateway: GatewayId, sid: CallSid, leg: LegId): Promise<void>;
  /** Everything this gateway held, read at its start. */
  all(gateway: GatewayId): Promise<readonly { readonly sid: CallSid; readonly leg: LegId; readonly data: unknown }[]>;
}

export interface NumberStore {
  put(number: NumberRecord): Promise<'created' | 'replaced'>;
  get(number: string): Promise<NumberRecord | null>;
  remove(number: string): Promise<boolean>;
  list(limit: number, cursor: string | null): Promise<Page<NumberRecord>>;
}

/** Who is there. Entries expire by themselves unless renewed. */
export interface Presence {
  announceOwner(owner: OwnerId, state: OwnerState): Promise<void>;
  withdrawOwner(owner: OwnerId): Promise<void>;
  owners(): Promise<readonly (OwnerState & { readonly owner: OwnerId })[]>;
  /** `new`: no gateway of that name was known. */
  announceGateway(gateway: GatewayId, state: GatewayState): Promise<'new' | 'again'>;
  withdrawGateway(gateway: GatewayId): Promise<void>;
  gateways(): Promise<readonly (GatewayState & { readonly gateway: GatewayId })[]>;
  /** Owners that went without a word since the last time anybody asked; each is told to one asker only. */
  goneOwners(): Promise<readonly OwnerId[]>;
}

export interface GatewayState {
  /** Of SIP, as the outside knows it. */
  readonly address: string;
  readonly probe?: string | null;
  /** That it holds now. */
  readonly calls?: number;
}

/** What an owner measures of itself; absent where it does not. */
export interface OwnerLoad {
  /** Beyond its limit: it takes no new calls. */
  readonly full?: boolean;
  /** How many more calls it is good for. */
  readonly room?: number;
  /** Share of its time it is busy, 0 to 1. */
  readonly busy?: number;
  /** How late its beats come on average. */
  readonly lateMs?: number;
}

export interface OwnerState extends OwnerLoad {
  readonly calls: number;
  /** Most calls, whatever it measures. */
  readonly capacity: number;
  readonly draining: boolean;
  /** `host:port` where its process shows its metrics; null or absent when it does not. */
  readonly probe?: string | null;
}

/** Everything, for the `main.ts` files that construct it. Every method throws `RedisUnavailable` when Redis is away. */
export interface Store {
  readonly calls: CallStore;
  readonly timeline: TimelineStore;
  readonly streams: StreamStore;
  readonly mailbox: Mailbox;
  readonly outbox: Outbox;
  readonly dialogs: DialogStore;
  readonly numbers: NumberStore;
  readonly presence: Presence;
  /** Round trip to Redis in milliseconds; rejects when it is away. */
  ping(): Promise<number>;
  close(): Promise<void>;
}
