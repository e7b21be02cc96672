/**
 * What a call session needs of the world. The pool builds these; the call knows nothing of Redis,
 * BullMQ, SIP or sockets. Everything here is owned by the pool unless it says otherwise.
 */

import type { CallPatch, CallRecord } from '../../shared/domain/call.ts';
import type { Callback } from '../../shared/domain/callback.ts';
import type { TimelineEntry } from '../../shared/domain/event.ts';
import type { CallLetter, GatewayLetter } from '../../shared/domain/letter.ts';
import type { StreamPatch, StreamRecord, StreamRefusal } from '../../shared/domain/stream.ts';
import type { Clock } from '../../shared/kernel/clock.ts';
import type { LegId, StreamSid } from '../../shared/kernel/ids.ts';
import type { Logger } from '../../shared/kernel/log.ts';
import type { TwimlParser } from '../../shared/twiml/parser.ts';
import type { Fetcher } from '../fetch/fetcher.ts';
import type { Leg, LegDelegate } from '../leg/leg.ts';
import type { Synthesiser } from '../speech/synthesiser.ts';
import type { OpenStream } from '../stream/stream.ts';
import type { Webhook } from './stream-callbacks.ts';

/**
 * The written side of a call: ordered, fenced, batched. Nothing here waits; writes go out in order
 * and a refused one calls `lost` of the session.
 */
export interface Journal {
  patch(patch: CallPatch): void;
  entry(entry: TimelineEntry): void;
  callback(callback: Callback): void;
  streamPatch(stream: StreamSid, patch: StreamPatch): void;
  /** Claims a stream's place: the shared Lua step. */
  openStream(
    stream: StreamRecord,
  ): Promise<
    | { readonly kind: 'opened' }
    | { readonly kind: 'refused'; readonly reason: StreamRefusal }
    | { readonly kind: 'lost' }
  >;
  stream(sid: StreamSid): Promise<StreamRecord | null>;
  /** All streams the call ever had; what a dead owner left running is ended by the next one (AC-85). */
  streams(): Promise<readonly StreamRecord[]>;
  /** Resolves when everything said so far is written. */
  flush(): Promise<void>;
}

export interface CallPorts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly journal: Journal;
  readonly parser: TwimlParser;
  readonly fetcher: Fetcher;
  readonly synthesiser: Synthesiser;
  readonly openStream: OpenStream;
  /** Makes a leg; its letters to the gateway go through the pool. The offer is the far end's for inbound calls. */
  makeLeg(id: LegId, offer: string | null, delegate: LegDelegate): Leg;
  /** Whether ws:// is allowed in the Twilio dialect too, and private addresses anywhere. */
  readonly allowInsecureWs: boolean;
  /** Where the account is told of every stream; null for nowhere. */
  readonly webhook: Webhook | null;
  /** Straight to the gateway, for a leg that could not be made: nobody else speaks for it. */
  tellGateway(letter: GatewayLetter): void;
}

/** A running call as the pool sees it. */
export interface CallSession {
  /** Runs until the call has ended and everything is written down; never rejects for what a call can do. */
  run(call: CallRecord): Promise<void>;
  /** Resolves when letters are applied as they are told; those told before wait. */
  readonly begun: Promise<void>;
  /** It is ending or has ended, though not all of it may be written: nobody else could go on with it. */
  readonly isOver: boolean;
  /** A letter from the box; must be harmless twice. */
  deliver(letter: CallLetter): void;
  /** A newer owner exists: silence, no hang-up, no writes. */
  lost(): void;
  /** A bug in something that is this call's alone: it ends, and no other. Never throws. */
  broke(error: unknown): void;
  /** The process must go: hang up and end as `platform`. */
  ownerClosed(): void;
}
