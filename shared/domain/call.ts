/** A call as it is stored and shown. Times are ISO 8601, durations milliseconds. */
import type { AccountSid, CallSid, GatewayId, OwnerId } from '../kernel/ids.ts';
import type { Dialect } from './dialect.ts';
import type { Ending, FinalStatus } from './ending.ts';

export type LiveStatus = 'queued' | 'ringing' | 'in-progress';
export type CallStatus = LiveStatus | FinalStatus;
export type Direction = 'inbound' | 'outbound-api' | 'outbound-dial';
export type HttpMethod = 'GET' | 'POST';
export type CallProgressEvent = 'initiated' | 'ringing' | 'answered' | 'completed';

/** Where a document comes from: fetched, or given whole. */
export type DocumentSource =
  | { readonly kind: 'url'; readonly url: string; readonly method: HttpMethod }
  | { readonly kind: 'inline'; readonly twiml: string };

/** What the creator of a call asked for; fixed for the call's life but for `document`. */
export interface CallPlan {
  readonly document: DocumentSource;
  readonly fallbackUrl: string | null;
  readonly statusCallback: string | null;
  readonly statusCallbackMethod: HttpMethod;
  readonly statusCallbackEvents: readonly CallProgressEvent[];
  /** How long the far end may ring. */
  readonly ringTimeoutMs: number;
  /** The longest the call may last from its answer. */
  readonly timeLimitMs: number;
  /** Pressed towards the far end as soon as it answers; null when nothing. */
  readonly sendDigits: string | null;
  /** The trunk by name, or null to choose by prefix. */
  readonly trunk: string | null;
  /** Extra SIP headers of the INVITE, `X-` only. */
  readonly headers: Readonly<Record<string, string>>;
  /** W3C trace context of whoever made the call; absent without traces. */
  readonly traceparent?: string;
}

export interface CallRecord {
  readonly sid: CallSid;
  readonly accountSid: AccountSid;
  readonly parentCallSid: CallSid | null;
  readonly direction: Direction;
  readonly from: string;
  readonly to: string;
  readonly callerName: string | null;
  readonly status: CallStatus;
  readonly dialect: Dialect;
  readonly createdAt: string;
  readonly ringingAt: string | null;
  readonly answeredAt: string | null;
  readonly endedAt: string | null;
  /** From creation until a worker took the call. */
  readonly queueMs: number | null;
  /** From the answer to the end; null before, and when never answered. */
  readonly durationMs: number | null;
  readonly ending: Ending | null;
  readonly owner: OwnerId | null;
  readonly plan: CallPlan;
  /** The gateway that holds the call's dialogs; null until the first leg is dialled. */
  readonly gateway: GatewayId | null;
  /** The far end's SDP offer of an inbound call; null for outbound calls and for a late offer. */
  readonly offer: string | null;
  /** Where the document stands, for the owner that comes after this one. */
  readonly checkpoint: Checkpoint | null;
}

/** Enough to go on with a document elsewhere. Grows only by optional fields. */
export interface Checkpoint {
  readonly document: DocumentSource;
  /** Index of the verb in the document that was running; −1 when none was yet. */
  readonly verb: number;
  /** What goes with the request for a document of which no verb runs yet; absent when nothing does. */
  readonly fields?: Readonly<Record<string, string>>;
  /** User variables of `<Set>`, as sent in later requests. */
  readonly variables: Readonly<Record<string, string>>;
  /** Of the application's servers; absent when there are none. */
  readonly cookies?: readonly KeptCookie[];
}

/** A cookie that a server set, for the requests of the owner that comes after. */
export interface KeptCookie {
  readonly host: string;
  readonly name: string;
  readonly value: string;
  readonly secure: boolean;
  /** Milliseconds since 1970; null: as long as the call. */
  readonly expiresAt: number | null;
}

/** What the owner of a call may change. */
export type CallPatch = Partial<
  Pick<
    CallRecord,
    | 'status'
    | 'ringingAt'
    | 'answeredAt'
    | 'endedAt'
    | 'queueMs'
    | 'durationMs'
    | 'ending'
    | 'gateway'
    | 'checkpoint'
    | 'callerName'
  >
>;

const finalStatuses: ReadonlySet<CallStatus> = new Set<FinalStatus>([
  'completed',
  'busy',
  'failed',
  'no-answer',
  'canceled',
]);

export const isFinal = (status: CallStatus): status is FinalStatus => finalStatuses.has(status);
