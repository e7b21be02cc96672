/** A stream as it is asked for, stored and shown: PROTOCOL §2.1, §4.1, §14.1. */
import type { CallSid, StreamSid } from '../kernel/ids.ts';
import type { HttpMethod } from './call.ts';
import type { Dialect } from './dialect.ts';

/** `duplex` is raw binary both ways (PROTOCOL §14.1). */
export type StreamMode = 'unidirectional' | 'bidirectional' | 'raw' | 'duplex';
export type TrackSelection = 'inbound' | 'outbound' | 'both';
export type StreamStatus = 'connecting' | 'in-progress' | 'paused' | 'reconnecting' | 'stopped' | 'failed';

export const isLive = (status: StreamStatus): boolean => status !== 'stopped' && status !== 'failed';
export const isTwoWay = (mode: StreamMode): boolean => mode === 'bidirectional' || mode === 'duplex';

/** What the app receives. A frame is always 20 ms. */
export interface MediaFormat {
  readonly encoding: 'audio/L16' | 'audio/x-mulaw' | 'audio/x-alaw';
  /** Hertz. */
  readonly sampleRate: 8000 | 16000 | 24000 | 32000 | 48000;
  /** 2 only for L16 with both tracks mixed: left outbound, right inbound (AC-83). */
  readonly channels: 1 | 2;
}

/** A stream that was asked for, with every default filled in. From TwiML or from REST alike. */
export interface StreamSpec {
  readonly name: string;
  /** Absolute ws or wss URL, no query, no fragment; may carry credentials. */
  readonly url: string;
  readonly mode: StreamMode;
  readonly track: TrackSelection;
  readonly mediaFormat: MediaFormat;
  readonly dialect: Dialect;
  readonly customParameters: Readonly<Record<string, string>>;
  /** Headers of the upgrade request. */
  readonly headers: Readonly<Record<string, string>>;
  readonly statusCallback: string | null;
  readonly statusCallbackMethod: HttpMethod;
  /** The app asked for `cleared`, `gap` and `pressure`. */
  readonly playbackEvents: boolean;
  /** How long to keep trying after a lost socket; 0 = the dialect's rule. */
  readonly reconnectMs: number;
}

/** Counters of one stream; frames are 20 ms, milliseconds are of audio. */
export interface StreamCounters {
  readonly framesSent: number;
  readonly bytesSent: number;
  readonly framesDropped: number;
  readonly messagesReceived: number;
  readonly bytesReceived: number;
  readonly bufferedMs: number;
  readonly playedMs: number;
  readonly droppedMs: number;
  readonly underruns: number;
  readonly reconnects: number;
}

export const NO_COUNTERS: StreamCounters = {
  framesSent: 0,
  bytesSent: 0,
  framesDropped: 0,
  messagesReceived: 0,
  bytesReceived: 0,
  bufferedMs: 0,
  playedMs: 0,
  droppedMs: 0,
  underruns: 0,
  reconnects: 0,
};

/** Why a stream failed. `code` is one of PROTOCOL §4.6; `message` one of §2.9 where one fits. */
export interface StreamError {
  readonly code: number;
  readonly message: string;
}

export interface StreamRecord {
  readonly sid: StreamSid;
  readonly callSid: CallSid;
  readonly spec: StreamSpec;
  readonly status: StreamStatus;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly stoppedAt: string | null;
  /** Why it stopped, PROTOCOL §2.8: hangup, connection closed, error, connection_inactivity, stopped, api. */
  readonly reason: string | null;
  readonly error: StreamError | null;
  readonly counters: StreamCounters;
  /** Who asked: a stream from the API is announced to the owner by letter. */
  readonly origin: 'document' | 'api';
}

export type StreamPatch = Partial<
  Pick<StreamRecord, 'status' | 'startedAt' | 'stoppedAt' | 'reason' | 'error' | 'counters' | 'spec'>
>;

/** Why a new stream is refused; decided by one Lua step for API and TwiML alike. */
export type StreamRefusal =
  | 'stream_name_taken'
  | 'stream_limit'
  | 'bidirectional_limit'
  | 'call_not_in_progress'
  | 'call_ended'
  | 'call_not_found';

/** The sentence of each refusal, the same in API answers, stop events and the timeline (PROTOCOL §2.9). */
export const refusalMessages = {
  stream_name_taken: 'stream name already exists',
  stream_limit: 'max unidirectional limit reached',
  bidirectional_limit: 'max bidirectional limit reached',
  call_not_in_progress: 'the call is not in progress',
  call_ended: 'the call has ended',
  call_not_found: 'no call',
} as const satisfies Record<StreamRefusal, string>;

/** At most four streams a call, one of them two-way (PROTOCOL §0 row 21). */
export const MAX_STREAMS_PER_CALL = 4;
