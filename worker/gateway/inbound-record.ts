/** The call record of an INVITE: what the number says, who calls, and the far end's offer. */
import type { CallPlan, CallRecord, DocumentSource } from '../../shared/domain/call.ts';
import type { NumberRecord } from '../../shared/domain/number.ts';
import type { AccountSid, CallSid, GatewayId } from '../../shared/kernel/ids.ts';
import type { SipInvitation } from '../sip/sip-call.ts';
import { partyOf } from './address.ts';

/** API defaults; a caller rings us, so the ring time-out is never used. */
const RING_TIMEOUT_MS = 60_000;
const TIME_LIMIT_MS = 4 * 3_600_000;

/** Null when the number has no document: that is a broken record. */
function documentOf(number: NumberRecord): DocumentSource | null {
  if (number.twiml !== null) return { kind: 'inline', twiml: number.twiml };
  if (number.voiceUrl !== null) return { kind: 'url', url: number.voiceUrl, method: number.voiceMethod };
  return null;
}

function planOf(number: NumberRecord, document: DocumentSource): CallPlan {
  return {
    document,
    fallbackUrl: number.voiceFallbackUrl,
    statusCallback: number.statusCallback,
    statusCallbackMethod: 'POST',
    statusCallbackEvents: ['completed'],
    ringTimeoutMs: RING_TIMEOUT_MS,
    timeLimitMs: TIME_LIMIT_MS,
    sendDigits: null,
    trunk: null,
    headers: {},
  };
}

export interface InboundFacts {
  readonly sid: CallSid;
  readonly accountSid: AccountSid;
  readonly gateway: GatewayId;
  readonly nowMs: number;
  /** Null without traces. */
  readonly traceparent: string | null;
}

/** Null when the number has nothing to answer with. */
export function inboundRecord(
  invitation: SipInvitation,
  number: NumberRecord,
  { sid, accountSid, gateway, nowMs, traceparent }: InboundFacts,
): CallRecord | null {
  const document = documentOf(number);
  if (!document) return null;
  return {
    sid,
    accountSid,
    parentCallSid: null,
    direction: 'inbound',
    from: partyOf(invitation.from.uri),
    to: number.number === '*' ? partyOf(invitation.requestUri) : number.number,
    callerName: invitation.from.displayName?.slice(0, 128) ?? null,
    status: 'queued',
    dialect: number.dialect,
    createdAt: new Date(nowMs).toISOString(),
    ringingAt: null,
    answeredAt: null,
    endedAt: null,
    queueMs: null,
    durationMs: null,
    ending: null,
    owner: null,
    plan: { ...planOf(number, document), ...(traceparent === null ? {} : { traceparent }) },
    gateway,
    offer: invitation.sdp,
    checkpoint: null,
  };
}
