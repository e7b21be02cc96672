/**
 * Letters: what is asked of a call or of its gateway, kept in the call's box until acknowledged.
 * A letter survives its reader; the next owner reads the box first. Applying one twice must be harmless.
 */
import type { LegId, OfferNumber, StreamSid } from '../kernel/ids.ts';
import type { DocumentSource } from './call.ts';
import type { TrackSelection } from './stream.ts';

/** A session description, opaque to everyone but the leg and the phone. */
export type Sdp = string;

/**
 * The number of an offer within the dialog as letters bear it: drawn by whoever makes the letter that carries the offer, repeated
 * in whatever is about it. Letters of older versions have none and are about the offer that waits.
 */
export const numbered = (offer: OfferNumber | undefined): { readonly offer?: OfferNumber } =>
  offer === undefined ? {} : { offer };

/** From the gateway to the call, and from the API to the call. */
export type CallLetter =
  | { readonly kind: 'ringing'; readonly leg: LegId; readonly sipCode: number; readonly sdp: Sdp | null }
  | { readonly kind: 'answered'; readonly leg: LegId; readonly sdp: Sdp }
  /** A final answer other than 2xx, or our own time-out (408), to an INVITE of ours. */
  | { readonly kind: 'failed'; readonly leg: LegId; readonly sipCode: number; readonly reason: string }
  /** The far end hung up: BYE, or CANCEL before the answer; or its dialog died (no ACK: 408). */
  | {
      readonly kind: 'ended';
      readonly leg: LegId;
      readonly by: 'bye' | 'cancel' | 'lost';
      readonly sipCode: number | null;
    }
  /** The ACK of our answer carried the far end's SDP (late offer). */
  | { readonly kind: 'acked'; readonly leg: LegId; readonly sdp: Sdp | null }
  /** The far end's re-INVITE or UPDATE; answered with `answer-reoffer`. `sdp` null asks us to offer. */
  | { readonly kind: 'reoffered'; readonly leg: LegId; readonly sdp: Sdp | null; readonly offer?: OfferNumber }
  /** It was refused or cancelled, and no answer of ours went out: what was agreed before it stands (RFC 3261 §14.1). */
  | { readonly kind: 'reoffer-over'; readonly leg: LegId; readonly offer: OfferNumber }
  | { readonly kind: 'reanswered'; readonly leg: LegId; readonly sdp: Sdp; readonly offer?: OfferNumber }
  | { readonly kind: 'reoffer-failed'; readonly leg: LegId; readonly sipCode: number; readonly offer?: OfferNumber }
  /** The answer to `find`. `none`: no leg of this name was ever set up, or it is gone. */
  | {
      readonly kind: 'found';
      readonly leg: LegId;
      readonly stage: 'none' | 'calling' | 'ringing' | 'invited' | 'up';
    }
  /** SIP INFO. */
  | { readonly kind: 'digit'; readonly leg: LegId; readonly digit: string; readonly durationMs: number }
  | { readonly kind: 'end'; readonly status: 'completed' | 'canceled' }
  | { readonly kind: 'replace'; readonly document: DocumentSource }
  | { readonly kind: 'press'; readonly digits: string }
  | { readonly kind: 'stream-start'; readonly stream: StreamSid }
  | { readonly kind: 'stream-stop'; readonly stream: StreamSid }
  | {
      readonly kind: 'stream-update';
      readonly stream: StreamSid;
      readonly paused?: boolean;
      readonly track?: TrackSelection;
      readonly url?: string;
    };

/** From the call to its gateway. */
export type GatewayLetter =
  | {
      readonly kind: 'dial';
      readonly leg: LegId;
      readonly to: string;
      readonly from: string;
      readonly callerName: string | null;
      readonly trunk: string | null;
      readonly headers: Readonly<Record<string, string>>;
      readonly sdp: Sdp;
      readonly ringTimeoutMs: number;
      /** When the call was asked for; letters of older versions have none. */
      readonly orderedAt?: string;
    }
  | { readonly kind: 'ring'; readonly leg: LegId; readonly sdp: Sdp | null }
  | { readonly kind: 'answer'; readonly leg: LegId; readonly sdp: Sdp }
  | { readonly kind: 'reject'; readonly leg: LegId; readonly sipCode: number; readonly reason: string }
  /** Asks how far this leg is: an owner before us set it up. Answered with `found`, after all that came before. */
  | { readonly kind: 'find'; readonly leg: LegId }
  /** BYE, or CANCEL before the answer, or 487 to an unanswered INVITE of theirs. */
  | { readonly kind: 'hangup'; readonly leg: LegId }
  | { readonly kind: 'reoffer'; readonly leg: LegId; readonly sdp: Sdp; readonly offer?: OfferNumber }
  | { readonly kind: 'answer-reoffer'; readonly leg: LegId; readonly sdp: Sdp; readonly offer?: OfferNumber }
  | { readonly kind: 'reject-reoffer'; readonly leg: LegId; readonly sipCode: number; readonly offer?: OfferNumber };

/** A letter as it lies in a box. `id` is unique in the box and grows. */
export interface Posted<Letter> {
  readonly id: number;
  readonly letter: Letter;
}

/** What the API asks of a live stream. */
export type StreamUpdate = Extract<CallLetter, { kind: 'stream-update' }>;
