/**
 * What the far party does, in the words of the call: a leg reports, this says what it means and why the
 * call is over. The session gives it to its leg.
 */
import type { Direction } from '../../shared/domain/call.ts';
import type { TimelineEntry } from '../../shared/domain/event.ts';
import { redactDigits } from '../../shared/kernel/redact.ts';
import type { FoundStage, LegDelegate } from '../leg/leg.ts';
import { type Cause, causeOfSip } from './ending.ts';

/** What the session makes of it. */
export interface FarPartyListener {
  rang(): void;
  answered(): void;
  found(stage: FoundStage): void;
  /** Whether it is a call of theirs that we have not answered. */
  isInvitation(): boolean;
  /** Whether it is a call of an owner before us, whose media is being moved here. */
  isTakingOver(): boolean;
  /** `farGone`: there is nobody left to hang up on. */
  over(cause: Cause, farGone: boolean, sipCode: number | null, detail: string | null): void;
  /** The leg broke; it has hung up. */
  broke(error: unknown): void;
  /** With the entry that tells of it, without the digit itself. */
  digit(digit: string, entry: TimelineEntry): void;
  entry(entry: TimelineEntry): void;
}

type EndedBy = Parameters<LegDelegate['onEnded']>[0];

function causeOfEnd(by: EndedBy, isInvitation: boolean): Cause {
  const causes = {
    // RFC 3261 §15 lets a caller say BYE in place of CANCEL.
    bye: isInvitation ? 'caller_canceled' : 'far_hangup',
    cancel: 'caller_canceled',
    lost: 'dialog_lost',
    'media-timeout': 'media_timeout',
  } as const satisfies Record<EndedBy, Cause>;
  return causes[by];
}

/** A call of theirs can only fail on our side; `ours`: we never came to ask the far end. */
function causeOfFailure(sipCode: number, ours: boolean, direction: Direction): Cause {
  if (ours) return 'no_media_port';
  return direction === 'inbound' && sipCode >= 500 ? 'internal_error' : causeOfSip(sipCode);
}

export function farParty(direction: Direction, listener: FarPartyListener): LegDelegate {
  return {
    onRinging: () => listener.rang(),
    onAnswered: () => listener.answered(),
    onFound: (stage) => listener.found(stage),
    onFailed: (sipCode, reason, ours) => {
      const cause = listener.isTakingOver() ? 'owner_lost' : causeOfFailure(sipCode, ours, direction);
      listener.over(cause, true, sipCode, `${sipCode} ${reason}`.trim());
    },
    onEnded: (by, sipCode) =>
      listener.over(causeOfEnd(by, listener.isInvitation()), by !== 'media-timeout', sipCode, null),
    onDigit: (digit, by, durationMs) =>
      listener.digit(digit, { type: 'dtmf.received', digit: redactDigits(digit), by, durationMs }),
    onBug: (error) => listener.broke(error),
    onEntry: (entry) => listener.entry(entry),
  };
}
