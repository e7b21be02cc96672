/**
 * How a call ended, from one table: cause → status and blame (PROTOCOL §0 row 35, §3.4, §6), and SIP
 * code → cause. `docs/endings.md` shows the same table to people.
 */
import type { Direction } from '../../shared/domain/call.ts';
import type { Blame, Ending, FinalStatus } from '../../shared/domain/ending.ts';

interface Rule {
  /** The status of a call that was answered, and of one that was not. */
  readonly answered: FinalStatus;
  readonly unanswered: FinalStatus;
  /** `far` is the caller of an inbound call and the callee of an outbound one. */
  readonly blame: Blame | 'far';
  readonly detail: string;
}

const always = (status: FinalStatus, blame: Rule['blame'], detail: string): Rule => ({
  answered: status,
  unanswered: status,
  blame,
  detail,
});

const orFailed = (blame: Rule['blame'], detail: string): Rule => ({
  answered: 'completed',
  unanswered: 'failed',
  blame,
  detail,
});

const orCanceled = (blame: Rule['blame'], detail: string): Rule => ({
  answered: 'completed',
  unanswered: 'canceled',
  blame,
  detail,
});

export const endingRules = {
  // The document.
  document_ended: always('completed', 'application', 'the document ended'),
  hangup_verb: always('completed', 'application', 'the document hung up'),
  rejected: always('no-answer', 'application', 'the document rejected the call'),
  rejected_busy: always('busy', 'application', 'the document rejected the call as busy'),
  document_failed: orFailed('application', 'no document could be had'),
  document_loop: orFailed('application', 'too many documents in a short time'),
  stream_ended: orFailed('application', 'the two-way stream ended'),
  stream_failed: orFailed('application', 'the two-way stream could not be started'),
  stream_hangup: orFailed('application', 'the application hung up through its stream'),
  time_limit: orFailed('application', 'the time limit of the call was reached'),
  // The far end.
  far_hangup: orFailed('far', 'the far end hung up'),
  caller_canceled: orCanceled('caller', 'the caller hung up before the answer'),
  busy: always('busy', 'callee', 'the far end is busy'),
  declined: always('busy', 'callee', 'the far end declined'),
  no_answer: always('no-answer', 'callee', 'the far end did not answer'),
  invalid_number: always('failed', 'callee', 'the number does not exist'),
  // Between us.
  canceled: always('canceled', 'carrier', 'the call was canceled'),
  not_authorised: always('failed', 'platform', 'the carrier did not accept our credentials'),
  forbidden: always('failed', 'carrier', 'the carrier forbids the call'),
  not_acceptable: always('failed', 'carrier', 'no common media format'),
  moved: always('failed', 'carrier', 'the far end has moved'),
  carrier_error: always('failed', 'carrier', 'the carrier could not place the call'),
  dialog_lost: orFailed('carrier', 'the far end could not be reached any more'),
  media_timeout: orFailed('carrier', 'no audio came from the far end'),
  // Us.
  api_completed: orCanceled('api', 'ended by the API'),
  api_canceled: orCanceled('api', 'canceled by the API'),
  owner_closed: orFailed('platform', 'the worker was stopped'),
  owner_lost: orFailed('platform', 'the worker of the call was lost'),
  no_media_port: orFailed('platform', 'no RTP port was free'),
  internal_error: orFailed('platform', 'internal error'),
} as const satisfies Record<string, Rule>;

export type Cause = keyof typeof endingRules;

export interface EndingFacts {
  readonly answered: boolean;
  readonly direction: Direction;
  readonly sipCode?: number | null;
  /** In place of the cause's own sentence. */
  readonly detail?: string | null;
}

export function endingOf(cause: Cause, facts: EndingFacts): Ending {
  const rule: Rule = endingRules[cause];
  const far: Blame = facts.direction === 'inbound' ? 'caller' : 'callee';
  return {
    status: facts.answered ? rule.answered : rule.unanswered,
    cause,
    blame: rule.blame === 'far' ? far : rule.blame,
    sipCode: facts.sipCode ?? null,
    detail: facts.detail ?? rule.detail,
  };
}

/** Final answers to our INVITE that have a meaning of their own (RFC 3261 §21). */
const sipCauses: ReadonlyMap<number, Cause> = new Map<number, Cause>([
  [401, 'not_authorised'],
  [402, 'forbidden'],
  [403, 'forbidden'],
  [404, 'invalid_number'],
  [407, 'not_authorised'],
  [408, 'no_answer'],
  [410, 'invalid_number'],
  [415, 'not_acceptable'],
  [480, 'no_answer'],
  [484, 'invalid_number'],
  [485, 'invalid_number'],
  [486, 'busy'],
  [487, 'canceled'],
  [488, 'not_acceptable'],
  [600, 'busy'],
  [603, 'declined'],
  [604, 'invalid_number'],
  [606, 'not_acceptable'],
  [607, 'declined'],
]);

export function causeOfSip(code: number): Cause {
  return sipCauses.get(code) ?? (code >= 300 && code < 400 ? 'moved' : 'carrier_error');
}

/** The answer to an INVITE of theirs that ends unanswered: PROTOCOL §0 row 35, AC-32. */
export function refusalOf(
  ending: Ending,
  dialect: 'pivot' | 'twilio',
): { readonly sipCode: number; readonly reason: string } {
  switch (ending.cause) {
    case 'rejected_busy':
      return { sipCode: 486, reason: 'Busy Here' };
    case 'rejected':
      return dialect === 'pivot'
        ? { sipCode: 503, reason: 'Service Unavailable' }
        : { sipCode: 603, reason: 'Decline' };
    case 'document_failed':
    case 'document_loop':
    case 'owner_closed':
    case 'no_media_port':
    case 'internal_error':
      return { sipCode: 503, reason: 'Service Unavailable' };
    default:
      return { sipCode: 480, reason: 'Temporarily Unavailable' };
  }
}
