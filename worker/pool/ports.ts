/** What a pool is given by `thread.ts`, and the small ports between it and its neighbours. */
import type { KeptCookie } from '../../shared/domain/call.ts';
import type { Callback } from '../../shared/domain/callback.ts';
import type { GatewayLetter } from '../../shared/domain/letter.ts';
import type { Clock } from '../../shared/kernel/clock.ts';
import type { Guard } from '../../shared/kernel/guard.ts';
import type { CallSid, LegId, OwnerId } from '../../shared/kernel/ids.ts';
import type { Logger } from '../../shared/kernel/log.ts';
import type { CallQueue } from '../../shared/queue/ports.ts';
import type { Store } from '../../shared/store/store.ts';
import type { CallPorts, CallSession } from '../call/ports.ts';
import type { Fetcher } from '../fetch/fetcher.ts';
import type { Leg, LegDelegate } from '../leg/leg.ts';
import type { OpenStream } from '../stream/stream.ts';
import type { Vitals } from './admission.ts';
import type { Lease } from './lease.ts';
import type { ObserveCall } from './observer.ts';

/** Delivers callbacks out of the outbox of a call, in order. One delivers for a call at a time. */
export interface Courier {
  /** The outbox of a call of ours has grown, by these: delivers in the background, retrying. Never throws. */
  wake(sid: CallSid, added?: readonly Callback[]): void;
  /** What was added for a call of ours and is not delivered yet. */
  owed(sid: CallSid): readonly Callback[];
  /** The call has ended here: finishes the request under way and tells whether something is still owed. */
  leave(sid: CallSid): Promise<'empty' | 'left'>;
  /** Delivers all that an ended call still owes; rejects when it should be tried again later. */
  deliver(sid: CallSid): Promise<void>;
}

export interface LegOrder {
  readonly callSid: CallSid;
  readonly id: LegId;
  /** The far end's offer of an inbound call. */
  readonly offer: string | null;
  readonly delegate: LegDelegate;
  /** To the gateway that holds the call: kept in order, fenced, tried again while Redis is away. */
  readonly post: (letter: GatewayLetter) => void;
  /** Resolves when what was posted so far is written down, or is nobody's to write. */
  readonly written: () => Promise<void>;
  /** The gateway says that another owner has the call's media. */
  readonly onMoved: () => void;
  /** The call's own: what its timers throw costs the call. */
  readonly clock: Clock;
  readonly log: Logger;
}

export type MakeLeg = (order: LegOrder) => Leg;

export interface PoolOptions {
  readonly owner: OwnerId;
  /** Most calls at a time; `CALLS_PER_THREAD`. */
  readonly capacity: number;
  /** What decides about new calls below that; absent: the number alone. */
  readonly load?: { readonly vitals: () => Vitals; readonly busyLimit: number };
  readonly queueTimeoutMs: number;
  /** `host:port` of this process's metrics; null when it shows none. */
  readonly probe: string | null;
  readonly store: Store;
  readonly queue: CallQueue;
  readonly clock: Clock;
  readonly log: Logger;
  readonly courier: Courier;
  /** Told of each renewal, after calls that were lost are closed. */
  readonly lease?: Lease;
  readonly makeLeg: MakeLeg;
  readonly makeSession: (ports: CallPorts) => CallSession;
  /** Metrics and traces. */
  readonly observe: ObserveCall;
  /** What all calls of the thread share. */
  readonly shared: Pick<CallPorts, 'parser' | 'synthesiser' | 'allowInsecureWs' | 'webhook'>;
  /** For one call: what its streams throw is told to its guard. */
  readonly newStreams: (guard: Guard) => OpenStream;
  /** For one call: it keeps the cookies of one; `kept`: what its owner before us had. */
  readonly newFetcher: (kept?: readonly KeptCookie[]) => Fetcher;
}
