/**
 * Who may offer now: offer/answer within a dialog as a pure machine (RFC 3261 §14, RFC 3264 §4,
 * RFC 3311 §5.2). The offer of the first INVITE counts: before it is settled everything waits.
 *
 *             reoffer: send          theirs: tell
 *     ours <------------------ idle ----------------> theirs
 *      | ^  \-- answered -------^ ^------- settled ----/ ^
 *  491 | | over: send                                    |
 *      v |                                               |
 *     waiting -------------------------------------------+
 *             theirs: tell; ours goes back to the queue
 *
 * A new offer of ours queues behind; one of theirs gets 491 against ours and 500 against theirs.
 */

export interface Offers {
  readonly phase: 'idle' | 'ours' | 'waiting' | 'theirs';
  /** Ours under way, or about to be tried again. Null for the first INVITE's and when there is none. */
  readonly sdp: string | null;
  readonly queue: readonly string[];
}

export type OffersEvent =
  | { readonly type: 'reoffer'; readonly sdp: string }
  /** Ours was answered. */
  | { readonly type: 'answered' }
  | { readonly type: 'refused'; readonly code: number; readonly reason: string }
  /** The time after a 491 is over. */
  | { readonly type: 'glareOver' }
  | { readonly type: 'theirs' }
  /** Theirs is answered (and acknowledged, if by INVITE) or refused. */
  | { readonly type: 'settled' };

export type OffersEffect =
  | { readonly do: 'send'; readonly sdp: string }
  | { readonly do: 'waitForGlare' | 'stopWaiting' | 'tellReoffer' }
  | { readonly do: 'tellFailed'; readonly code: number; readonly reason: string }
  | { readonly do: 'refuse'; readonly code: 491 | 500 };

export interface OffersStep {
  readonly state: Offers;
  readonly effects: readonly OffersEffect[];
}

/** More than this many waiting offers, and the oldest is forgotten: the newest says it all. */
const MAX_QUEUE = 8;

/** Before the first INVITE is settled; `by` says whose it is. */
export const firstOffer = (by: 'ours' | 'theirs'): Offers => ({ phase: by, sdp: null, queue: [] });

/** Nothing is under way. */
export const NO_OFFER: Offers = { phase: 'idle', sdp: null, queue: [] };

export function nextOffers(state: Offers, event: OffersEvent): OffersStep {
  switch (event.type) {
    case 'reoffer': {
      const queue = [...state.queue, event.sdp].slice(-MAX_QUEUE);
      return state.phase === 'idle' ? proceed(queue, []) : { state: { ...state, queue }, effects: [] };
    }
    case 'answered':
      return state.phase === 'ours' ? proceed(state.queue, []) : { state, effects: [] };
    case 'refused':
      return onRefused(state, event.code, event.reason);
    case 'glareOver':
      if (state.phase !== 'waiting' || state.sdp === null) return { state, effects: [] };
      return { state: { ...state, phase: 'ours' }, effects: [{ do: 'send', sdp: state.sdp }] };
    case 'theirs':
      return onTheirs(state);
    case 'settled':
      return state.phase === 'theirs' ? proceed(state.queue, []) : { state, effects: [] };
    default:
      return event satisfies never;
  }
}

function onRefused(state: Offers, code: number, reason: string): OffersStep {
  if (state.phase !== 'ours') return { state, effects: [] };
  if (code === 491 && state.sdp !== null) {
    return { state: { ...state, phase: 'waiting' }, effects: [{ do: 'waitForGlare' }] };
  }
  return proceed(state.queue, [{ do: 'tellFailed', code, reason }]);
}

function onTheirs(state: Offers): OffersStep {
  if (state.phase === 'ours') return { state, effects: [{ do: 'refuse', code: 491 }] };
  if (state.phase === 'theirs') return { state, effects: [{ do: 'refuse', code: 500 }] };
  const queue = state.sdp === null ? state.queue : [state.sdp, ...state.queue].slice(-MAX_QUEUE);
  const effects: OffersEffect[] = state.phase === 'waiting' ? [{ do: 'stopWaiting' }] : [];
  return { state: { phase: 'theirs', sdp: null, queue }, effects: [...effects, { do: 'tellReoffer' }] };
}

/** Nothing is under way any more: the next of the queue, or rest. */
function proceed(queue: readonly string[], effects: readonly OffersEffect[]): OffersStep {
  const [sdp, ...rest] = queue;
  if (sdp === undefined) return { state: { phase: 'idle', sdp: null, queue: [] }, effects };
  return { state: { phase: 'ours', sdp, queue: rest }, effects: [...effects, { do: 'send', sdp }] };
}
