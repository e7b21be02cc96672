/**
 * Offers within the dialog of one leg, either way, as a pure machine: what the owner decides goes out for the offer it is
 * about and for no other, and what the far end says to one of ours is told with that one's number. Offers of both ways
 * do not meet here: the SIP stack sees to that (RFC 3261 §14).
 *
 *   theirs:  rest ──theirs: ask──▶ asked ──decided, by its number: answer or refuse──▶ rest
 *                                    ├──time is up: refuse, take back──▶ rest
 *                                    └──over (CANCEL): take back──▶ rest
 *   ours:    rest ──ours: send──▶ out ──settled: tell──▶ rest, or the newest that came meanwhile is sent
 */
import { type CallLetter, type GatewayLetter, numbered, type Sdp } from '../../shared/domain/letter.ts';
import type { OfferNumber } from '../../shared/kernel/ids.ts';

/** The far end's offer, as its owner is asked. */
export type Asked = Extract<CallLetter, { readonly kind: 'reoffered' }> & { readonly offer: OfferNumber };
type Decided = Extract<GatewayLetter, { readonly kind: 'answer-reoffer' | 'reject-reoffer' }>;
type Ours = Extract<GatewayLetter, { readonly kind: 'reoffer' }>;
type Settled = Extract<CallLetter, { readonly kind: 'reanswered' | 'reoffer-failed' }>;

export interface Reoffers {
  /** Theirs that waits for the owner. */
  readonly asked: Asked | null;
  /** Ours that waits for the far end. */
  readonly out: Ours | null;
  /** Of those that wait behind it, the newest: it says it all. */
  readonly next: Ours | null;
}

export type ReoffersEvent =
  | { readonly type: 'theirs'; readonly letter: Asked }
  | { readonly type: 'decided'; readonly letter: Decided }
  /** The owner has not decided. */
  | { readonly type: 'timeUp' }
  /** Nobody waits for an answer to theirs any more. */
  | { readonly type: 'over' }
  | { readonly type: 'ours'; readonly letter: Ours }
  /** Without its number: the SIP stack knows none. */
  | { readonly type: 'settled'; readonly letter: Settled };

export type ReoffersEffect =
  | { readonly do: 'tell'; readonly letter: CallLetter }
  | { readonly do: 'startTimer' | 'stopTimer' }
  /** What the owner was asked, or would have been, stands no longer. */
  | { readonly do: 'takeBack'; readonly letter: Asked }
  | { readonly do: 'answer'; readonly sdp: Sdp }
  | { readonly do: 'refuse'; readonly code: number }
  | { readonly do: 'send'; readonly sdp: Sdp };

export interface ReoffersStep {
  readonly state: Reoffers;
  readonly effects: readonly ReoffersEffect[];
}

export const NO_REOFFERS: Reoffers = { asked: null, out: null, next: null };

/** To theirs when the owner has not decided in time: the session goes on as it was. */
const NOT_DECIDED = 500;

export function nextReoffers(state: Reoffers, event: ReoffersEvent): ReoffersStep {
  switch (event.type) {
    case 'theirs': {
      const { letter } = event;
      const { effects } = takeBack(state);
      return {
        state: { ...state, asked: letter },
        effects: [...effects, { do: 'tell', letter }, { do: 'startTimer' }],
      };
    }
    case 'decided':
      return decided(state, event.letter);
    case 'timeUp':
      return takeBack(state, { do: 'refuse', code: NOT_DECIDED });
    case 'over':
      return takeBack(state);
    case 'ours':
      if (state.out !== null) return { state: { ...state, next: event.letter }, effects: [] };
      return { state: { ...state, out: event.letter }, effects: [{ do: 'send', sdp: event.letter.sdp }] };
    case 'settled':
      return settled(state, event.letter);
    default:
      return event satisfies never;
  }
}

function decided(state: Reoffers, letter: Decided): ReoffersStep {
  const { asked } = state;
  if (asked === null || (letter.offer !== undefined && letter.offer !== asked.offer)) return { state, effects: [] };
  const effect: ReoffersEffect =
    letter.kind === 'answer-reoffer' ? { do: 'answer', sdp: letter.sdp } : { do: 'refuse', code: letter.sipCode };
  return { state: { ...state, asked: null }, effects: [{ do: 'stopTimer' }, effect] };
}

function takeBack(state: Reoffers, ...first: readonly ReoffersEffect[]): ReoffersStep {
  const letter = state.asked;
  if (letter === null) return { state, effects: [] };
  return { state: { ...state, asked: null }, effects: [...first, { do: 'stopTimer' }, { do: 'takeBack', letter }] };
}

function settled(state: Reoffers, letter: Settled): ReoffersStep {
  const { out, next } = state;
  const tell: ReoffersEffect = { do: 'tell', letter: { ...letter, ...numbered(out?.offer) } };
  const sent: readonly ReoffersEffect[] = next === null ? [] : [{ do: 'send', sdp: next.sdp }];
  return { state: { ...state, out: next, next: null }, effects: [tell, ...sent] };
}
