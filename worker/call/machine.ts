/**
 * The state machine of a call, pure: `next(state, event)` → state and what to do. An event that means
 * nothing in a state changes nothing. The session performs the effects.
 *
 *            began(out)              rang
 *    idle ──────────────▶ dialling ───────▶ ringing-out
 *     │                      └──────answered─────┤
 *     │      began(in)                 answer    ▼            answered
 *     ├──────────────▶ ringing-in ───────▶ answering ───────────▶ up
 *     │  reclaimed, answered                         answered     ▲
 *     ├──────────────────────▶ taking-over ───────────────────────┘
 *     │  reclaimed, not answered          found: up ▲
 *     └──────────────────────▶ finding ─────────────┘ (found otherwise: where it is, or from the beginning)
 *
 *    any of them ──over──▶ ending ──settled──▶ ended            any ──left──▶ left
 */

import type { Ending } from '../../shared/domain/ending.ts';
import type { FoundStage } from '../leg/leg.ts';

type Live = 'idle' | 'dialling' | 'ringing-out' | 'ringing-in' | 'answering' | 'finding' | 'taking-over' | 'up';

export type CallState =
  | { readonly at: Live }
  | { readonly at: 'ending' | 'ended'; readonly ending: Ending }
  | { readonly at: 'left' };

export type CallEvent =
  | { readonly event: 'began'; readonly inbound: boolean }
  /** A call that another owner had begun: nothing is told again. */
  | { readonly event: 'reclaimed'; readonly answered: boolean }
  /** How far the far party of such a call is. */
  | { readonly event: 'found'; readonly stage: FoundStage; readonly inbound: boolean }
  | { readonly event: 'rang' }
  /** A verb needs the call answered. */
  | { readonly event: 'answer' }
  | { readonly event: 'answered' }
  /** The one way to end: the first one counts. `farGone`: there is nobody left to hang up on. */
  | { readonly event: 'over'; readonly ending: Ending; readonly farGone: boolean }
  /** Streams and leg are closed. */
  | { readonly event: 'settled' }
  /** A newer owner exists. */
  | { readonly event: 'left' };

export type CallEffect =
  | 'dial'
  | 'ring'
  | 'answer'
  | 'tell-initiated'
  | 'tell-ringing'
  | 'tell-answered'
  | 'run-document'
  /** Asks how far the call is. */
  | 'find'
  /** Waits for the answer to what the owner before us dialled. */
  | 'join'
  /** The far end's media is moved here. */
  | 'take-over'
  /** Streams and document of the owner before us go on. */
  | 'resume'
  /** BYE or CANCEL. */
  | 'hangup'
  /** A final answer to their INVITE. */
  | 'refuse'
  /** Stop the document, then the streams, then the leg. */
  | 'wind-up'
  | 'tell-ended'
  /** Silence: close everything, say and write nothing. */
  | 'drop';

export interface Step {
  readonly state: CallState;
  readonly effects: readonly CallEffect[];
}

export const IDLE: CallState = { at: 'idle' };

export const isOver = (state: CallState): boolean =>
  state.at === 'ending' || state.at === 'ended' || state.at === 'left';

export function next(state: CallState, event: CallEvent): Step {
  switch (event.event) {
    case 'began':
      if (state.at !== 'idle') return stay(state);
      return begin(event.inbound);
    case 'reclaimed':
      if (state.at !== 'idle') return stay(state);
      return event.answered ? go('taking-over', 'take-over') : go('finding', 'find');
    case 'found':
      return state.at === 'finding' ? found(event.stage, event.inbound) : stay(state);
    case 'rang':
      return state.at === 'dialling' ? go('ringing-out', 'tell-ringing') : stay(state);
    case 'answer':
      return state.at === 'ringing-in' ? go('answering', 'answer') : stay(state);
    case 'answered':
      return answered(state);
    case 'over':
      return over(state, event.ending, event.farGone);
    case 'settled':
      return state.at === 'ending'
        ? { state: { at: 'ended', ending: state.ending }, effects: ['tell-ended'] }
        : stay(state);
    case 'left':
      return state.at === 'ended' || state.at === 'left' ? stay(state) : { state: { at: 'left' }, effects: ['drop'] };
  }
}

function begin(inbound: boolean): Step {
  return inbound
    ? go('ringing-in', 'ring', 'tell-initiated', 'tell-ringing', 'run-document')
    : go('dialling', 'tell-initiated', 'dial');
}

/** `none` of a call of ours: it was never dialled. Of a call of theirs it is an end, which is the session's to say. */
function found(stage: FoundStage, inbound: boolean): Step {
  switch (stage) {
    case 'none':
    case 'invited':
      return begin(inbound);
    case 'calling':
      return go('dialling', 'join');
    case 'ringing':
      return go('ringing-out', 'join', 'tell-ringing');
    case 'up':
      return go('taking-over', 'take-over');
  }
}

function answered(state: CallState): Step {
  switch (state.at) {
    case 'dialling':
    case 'ringing-out':
      return go('up', 'tell-answered', 'run-document');
    case 'answering':
      return go('up', 'tell-answered');
    case 'taking-over':
      return go('up', 'resume');
    default:
      return stay(state);
  }
}

function over(state: CallState, ending: Ending, farGone: boolean): Step {
  if (state.at === 'ending' || state.at === 'ended' || state.at === 'left') return stay(state);
  const goodbye: readonly CallEffect[] = farGone ? [] : [state.at === 'ringing-in' ? 'refuse' : 'hangup'];
  return { state: { at: 'ending', ending }, effects: [...goodbye, 'wind-up'] };
}

const stay = (state: CallState): Step => ({ state, effects: [] });

const go = (at: Live, ...effects: readonly CallEffect[]): Step => ({ state: { at }, effects });
