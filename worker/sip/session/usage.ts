/**
 * The INVITE usage of a dialog, both roles, as a pure machine (RFC 3261 §9, §13, §15).
 *
 *   calling --100--> trying --1xx--> ringing          invited --answer--> answered
 *      |                |               |                |  reject            | ACK
 *      +-------+--------+-------+-------+                |  CANCEL, BYE       |  no ACK: BYE, lost
 *              | hangup, time   | 2xx: ACK               v                    v
 *              v                +-------------> up <---- ended               up
 *          cancelling                            | hangup: BYE   | BYE of theirs
 *              | 2xx: ACK, BYE                   v               v
 *              +-----------------------------> leaving -------> ended
 *              | 300-699, no answer            BYE answered
 *              +------------------------------------------------> ended
 */
import type { SipCall } from '../sip-call.ts';

export type Usage =
  /** Our INVITE is out, nothing came back. */
  | { readonly phase: 'calling' | 'trying' | 'ringing' }
  /** CANCEL waits for a first response (`sent` false) or is out; the call fails with `code`. */
  | { readonly phase: 'cancelling'; readonly sent: boolean; readonly code: number; readonly reason: string }
  | { readonly phase: 'invited' }
  /** Our 2xx is out. `ending`: hung up meanwhile, BYE must wait for the ACK (§15). */
  | { readonly phase: 'answered'; readonly ending: boolean }
  | { readonly phase: 'up' | 'leaving' | 'ended' };

export type UsageEvent =
  | { readonly type: 'provisional'; readonly code: number }
  | { readonly type: 'success' }
  | { readonly type: 'failure'; readonly code: number; readonly reason: string }
  | { readonly type: 'ringTimeout' }
  /** No final answer long after our CANCEL. */
  | { readonly type: 'cancelTimeout' }
  | { readonly type: 'hangup' }
  | { readonly type: 'answer' }
  | { readonly type: 'reject'; readonly code: number; readonly reason: string }
  | { readonly type: 'cancelled' }
  | { readonly type: 'acked' }
  | { readonly type: 'ackTimeout' }
  | { readonly type: 'bye' }
  /** A request within the dialog was answered 408 or 481, or not at all. */
  | { readonly type: 'lost'; readonly code: number }
  /** Our BYE is answered or given up. */
  | { readonly type: 'left' };

export type UsageEffect =
  | { readonly do: 'ack' | 'stopTrying' | 'cancel' | 'abandon' | 'bye' | 'accept' | 'forget' }
  | { readonly do: 'refuse'; readonly code: number; readonly reason: string }
  | { readonly do: 'tellProgress' | 'tellAnswered' | 'tellAcked' }
  | { readonly do: 'tellFailed'; readonly code: number; readonly reason: string }
  | { readonly do: 'tellEnded'; readonly by: 'bye' | 'cancel' | 'lost'; readonly code: number | null };

export interface UsageStep {
  readonly state: Usage;
  readonly effects: readonly UsageEffect[];
}

/** The state of the call as its delegate knows it. */
export function stateOf(usage: Usage): SipCall['state'] {
  switch (usage.phase) {
    case 'calling':
    case 'trying':
    case 'cancelling':
      return 'calling';
    case 'ringing':
      return 'ringing';
    case 'invited':
      return 'invited';
    case 'answered':
    case 'up':
      return 'up';
    case 'leaving':
    case 'ended':
      return 'ended';
    default:
      return usage satisfies never;
  }
}

const ENDED: Usage = { phase: 'ended' };
const LEAVING: Usage = { phase: 'leaving' };
const FORGET: UsageEffect = { do: 'forget' };
const step = (state: Usage, ...effects: UsageEffect[]): UsageStep => ({ state, effects });

export function nextUsage(state: Usage, event: UsageEvent): UsageStep {
  switch (state.phase) {
    case 'calling':
    case 'trying':
    case 'ringing':
      return whileCalling(state, event);
    case 'cancelling':
      return whileCancelling(state, event);
    case 'invited':
      return whileInvited(state, event);
    case 'answered':
      return whileAnswered(state, event);
    case 'up':
      return whileUp(state, event);
    case 'leaving':
      return event.type === 'left' ? step(ENDED, FORGET) : step(state);
    case 'ended':
      return step(state);
    default:
      return state satisfies never;
  }
}

function whileCalling(state: Usage, event: UsageEvent): UsageStep {
  switch (event.type) {
    case 'provisional':
      if (event.code === 100) return step(state.phase === 'calling' ? { phase: 'trying' } : state);
      return step({ phase: 'ringing' }, { do: 'tellProgress' });
    case 'success':
      return step({ phase: 'up' }, { do: 'ack' }, { do: 'tellAnswered' });
    case 'failure':
      return step(ENDED, { do: 'tellFailed', code: event.code, reason: event.reason }, FORGET);
    case 'ringTimeout':
      return cancel(state, 408, 'Request Timeout');
    case 'hangup':
      return cancel(state, 487, 'Request Terminated');
    default:
      return step(state);
  }
}

/** A CANCEL may go out only after a first response (§9.1); until then the INVITE that is out stays the last one. */
function cancel(state: Usage, code: number, reason: string): UsageStep {
  const sent = state.phase !== 'calling';
  const after: Usage = { phase: 'cancelling', sent, code, reason };
  return step(after, { do: sent ? 'cancel' : 'stopTrying' });
}

function whileCancelling(state: Usage & { phase: 'cancelling' }, event: UsageEvent): UsageStep {
  const failed: UsageEffect = { do: 'tellFailed', code: state.code, reason: state.reason };
  switch (event.type) {
    case 'provisional':
      return state.sent ? step(state) : step({ ...state, sent: true }, { do: 'cancel' });
    case 'success':
      return step(LEAVING, { do: 'ack' }, { do: 'bye' }, failed);
    case 'failure':
      return step(ENDED, failed, FORGET);
    case 'cancelTimeout':
      return step(ENDED, { do: 'abandon' }, failed, FORGET);
    default:
      return step(state);
  }
}

function whileInvited(state: Usage, event: UsageEvent): UsageStep {
  const terminated: UsageEffect = { do: 'refuse', code: 487, reason: 'Request Terminated' };
  switch (event.type) {
    case 'answer':
      return step({ phase: 'answered', ending: false }, { do: 'accept' });
    case 'reject':
      return step(ENDED, { do: 'refuse', code: event.code, reason: event.reason }, FORGET);
    case 'hangup':
      return step(ENDED, terminated, FORGET);
    case 'cancelled':
      return step(ENDED, terminated, { do: 'tellEnded', by: 'cancel', code: null }, FORGET);
    case 'bye':
      return step(ENDED, terminated, { do: 'tellEnded', by: 'bye', code: null }, FORGET);
    default:
      return step(state);
  }
}

function whileAnswered(state: Usage & { phase: 'answered' }, event: UsageEvent): UsageStep {
  const lost = (code: number | null): UsageEffect[] => (state.ending ? [] : [{ do: 'tellEnded', by: 'lost', code }]);
  switch (event.type) {
    case 'acked':
      return state.ending ? step(LEAVING, { do: 'bye' }) : step({ phase: 'up' }, { do: 'tellAcked' });
    case 'ackTimeout':
      return step(LEAVING, { do: 'bye' }, ...lost(null));
    case 'lost':
      return step(LEAVING, { do: 'bye' }, ...lost(event.code));
    case 'bye':
      return state.ending ? step(ENDED, FORGET) : step(ENDED, { do: 'tellEnded', by: 'bye', code: null }, FORGET);
    case 'hangup':
      return step({ phase: 'answered', ending: true });
    default:
      return step(state);
  }
}

function whileUp(state: Usage, event: UsageEvent): UsageStep {
  switch (event.type) {
    case 'hangup':
      return step(LEAVING, { do: 'bye' });
    case 'bye':
      return step(ENDED, { do: 'tellEnded', by: 'bye', code: null }, FORGET);
    case 'lost':
      return step(LEAVING, { do: 'bye' }, { do: 'tellEnded', by: 'lost', code: event.code });
    case 'ackTimeout':
      return step(LEAVING, { do: 'bye' }, { do: 'tellEnded', by: 'lost', code: null });
    case 'acked':
      return step(state, { do: 'tellAcked' });
    default:
      return step(state);
  }
}
