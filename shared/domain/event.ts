/**
 * The timeline of a call: everything that happened to it, in order. Kept in Redis, capped,
 * shown at `GET /calls/:sid/events`. URLs and digits are redacted before they get here.
 */
import type { StreamSid } from '../kernel/ids.ts';
import type { CallStatus } from './call.ts';
import type { Ending } from './ending.ts';

export type TimelineEntry =
  | { readonly type: 'call.created'; readonly direction: string; readonly from: string; readonly to: string }
  | { readonly type: 'call.claimed'; readonly owner: string; readonly epoch: number; readonly queueMs: number }
  /** Redis had forgotten the call; its owner wrote it again. */
  | { readonly type: 'call.restored' }
  | { readonly type: 'call.status'; readonly status: CallStatus }
  | { readonly type: 'call.ended'; readonly ending: Ending }
  /** One SIP message that mattered: `sip.invite`, `sip.ringing`, `sip.answered`, `sip.bye`, `sip.reinvite` … */
  | {
      readonly type: `sip.${string}`;
      readonly way: 'in' | 'out';
      readonly code?: number;
      readonly reason?: string;
      readonly detail?: string;
    }
  | { readonly type: 'media.started'; readonly codec: string; readonly remote: string }
  | { readonly type: 'media.moved'; readonly remote: string }
  | { readonly type: 'media.held' | 'media.resumed' }
  | { readonly type: 'media.timeout'; readonly silentMs: number }
  | {
      readonly type: 'document.fetched';
      readonly url: string;
      readonly method: string;
      readonly httpStatus: number;
      readonly ms: number;
      readonly bytes: number;
    }
  | {
      readonly type: 'document.failed';
      readonly url: string;
      readonly method: string;
      readonly httpStatus: number | null;
      readonly ms: number;
      readonly code: number;
      readonly detail: string;
    }
  | { readonly type: 'document.warning'; readonly code: number; readonly detail: string; readonly line: number | null }
  | { readonly type: 'document.error'; readonly code: number; readonly detail: string; readonly line: number | null }
  | { readonly type: 'verb.started'; readonly verb: string; readonly index: number }
  | { readonly type: 'verb.ended'; readonly verb: string; readonly index: number; readonly outcome: string }
  | { readonly type: 'verb.failed'; readonly verb: string; readonly index: number; readonly detail: string }
  | {
      readonly type: 'stream.connecting';
      readonly stream: StreamSid;
      readonly name: string;
      readonly url: string;
      readonly mode: string;
      readonly track: string;
    }
  | { readonly type: 'stream.started'; readonly stream: StreamSid; readonly name: string; readonly ms: number }
  /** With a code when the app closed with one that is an error. */
  | {
      readonly type: 'stream.stopped';
      readonly stream: StreamSid;
      readonly name: string;
      readonly reason: string;
      readonly code?: number;
      readonly detail?: string;
    }
  | {
      readonly type: 'stream.failed';
      readonly stream: StreamSid | null;
      readonly name: string;
      readonly code: number;
      readonly detail: string;
    }
  | { readonly type: 'stream.warning'; readonly stream: StreamSid; readonly code: number; readonly detail: string }
  | {
      readonly type: 'stream.paused' | 'stream.resumed' | 'stream.reconnecting' | 'stream.reconnected';
      readonly stream: StreamSid;
      readonly name: string;
    }
  /** With what is new: the track, or the URL once its socket has taken over. */
  | {
      readonly type: 'stream.updated';
      readonly stream: StreamSid;
      readonly name: string;
      readonly track?: string;
      readonly url?: string;
    }
  | {
      readonly type: 'stream.mark';
      readonly stream: StreamSid;
      readonly mark: string;
      readonly playedMs: number;
      readonly cleared: boolean;
    }
  | { readonly type: 'stream.clear'; readonly stream: StreamSid; readonly playedMs: number; readonly droppedMs: number }
  | {
      readonly type: 'stream.gap';
      readonly stream: StreamSid;
      readonly fromMs: number;
      readonly durationMs: number;
      readonly reason: string;
    }
  | {
      readonly type: 'dtmf.received';
      readonly digit: string;
      readonly by: 'rfc4733' | 'info' | 'tone';
      readonly durationMs: number;
    }
  | { readonly type: 'dtmf.sent'; readonly digits: string; readonly by: 'document' | 'api' | 'stream' }
  /** Asked for by the API and not pressed. */
  | { readonly type: 'dtmf.failed'; readonly digits: string; readonly by: 'api'; readonly detail: string }
  | {
      readonly type: 'callback.delivered';
      readonly url: string;
      readonly event: string;
      readonly httpStatus: number;
      readonly attempts: number;
    }
  | {
      readonly type: 'callback.failed';
      readonly url: string;
      readonly event: string;
      readonly attempts: number;
      readonly detail: string;
    };

/** An entry in its place. `at` is ISO 8601 with milliseconds; `seq` starts at 1 and goes up by one, but for what Redis forgot. */
export type TimelineEvent = TimelineEntry & { readonly at: string; readonly seq: number };
