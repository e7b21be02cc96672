/**
 * A running stream as the call sees it: PROTOCOL §2–§4. The call opens it, may steer it and closes
 * it; the stream tells what became of it. The implementation is `session.ts`.
 */

import type { TimelineEntry } from '../../shared/domain/event.ts';
import type {
  StreamCounters,
  StreamError,
  StreamPatch,
  StreamRecord,
  TrackSelection,
} from '../../shared/domain/stream.ts';
import type { StreamSid } from '../../shared/kernel/ids.ts';
import type { Tee } from '../media/frame.ts';
import type { PlayoutQueue } from '../media/playout-queue.ts';

/** Why a stream is over. `connection closed` is the app's doing, `error` comes with an error. */
export type StopReason = 'hangup' | 'stopped' | 'api' | 'connection closed' | 'connection_inactivity' | 'error';

export interface StreamDelegate {
  /** The socket is open and `start` was sent. */
  onStarted(): void;
  /** Final; told exactly once, whatever ended it. */
  onStopped(reason: StopReason, error: StreamError | null): void;
  /** State worth keeping: status changes at once, counters at most once a second. */
  onPatch(patch: StreamPatch): void;
  onEntry(entry: TimelineEntry): void;
  /** The app presses digits towards the caller (PROTOCOL §14.4). False when they are not pressed: too many wait. */
  onPress(digits: string): boolean;
  /** The app asked to hang up (§14.4). */
  onHangup(): void;
}

export interface StreamOrder {
  readonly record: StreamRecord;
  /** What `start` tells about the call. */
  readonly call: {
    readonly accountSid: string;
    readonly callSid: string;
    readonly from: string;
    readonly to: string;
    readonly direction: string;
  };
  readonly tee: Tee;
  /** The far party's queue, for the two-way kinds. */
  readonly playout: PlayoutQueue;
  /** An owner of the call before us had it open: the first socket greets as one that reconnected, and no start is told. */
  readonly resumed?: boolean;
  /** Of one that is resumed: the moment of time stamp 0; its order when absent. */
  readonly beganAt?: string;
  /** W3C trace context for the upgrade; absent without traces. */
  readonly traceparent?: string;
}

export interface Stream {
  readonly sid: StreamSid;
  readonly name: string;
  readonly record: StreamRecord;
  counters(): StreamCounters;
  /** A digit the caller pressed; sent on where the dialect and the mode say so. */
  digit(digit: string): void;
  update(change: { readonly paused?: boolean; readonly track?: TrackSelection; readonly url?: string }): void;
  /** Asked to stop: pending marks (Pivot), `stop`, close 1000. Resolves when the socket is gone, within 2 s. */
  stop(reason: StopReason): Promise<void>;
  /** We no longer own the call: closes the socket without a word and tells nobody. */
  lost(): void;
}

export type OpenStream = (order: StreamOrder, delegate: StreamDelegate) => Stream;
