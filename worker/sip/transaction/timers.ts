/** The times of RFC 3261 §17.1.1.1 and table 4, in milliseconds. */
export const T1 = 500;
export const T2 = 4000;
export const T4 = 5000;
/** Timers B, F, H, J, L and M, and the wait for an ACK. */
export const LONG = 64 * T1;

export type TimerName = 'A' | 'B' | 'D' | 'E' | 'F' | 'G' | 'H' | 'I' | 'J' | 'K' | 'L' | 'M';

/** What a machine asks its layer to do. */
export type Effect =
  /** Put the request (client) or the latest response (server) on the wire, again or first. */
  | { readonly type: 'send' }
  /** Client INVITE: acknowledge the non-2xx final response at hand. */
  | { readonly type: 'ack' }
  | { readonly type: 'arm'; readonly timer: TimerName; readonly afterMs: number }
  | { readonly type: 'disarm'; readonly timer: TimerName }
  /** Hand the response at hand to the user. */
  | { readonly type: 'pass' }
  /** Nothing came in time: the user sees a 408. */
  | { readonly type: 'timeout' }
  | { readonly type: 'unreachable' }
  /** Forget the transaction. */
  | { readonly type: 'terminate' };

export const SEND: Effect = { type: 'send' };
export const ACK: Effect = { type: 'ack' };
export const PASS: Effect = { type: 'pass' };
export const TIMEOUT: Effect = { type: 'timeout' };
export const UNREACHABLE: Effect = { type: 'unreachable' };
export const TERMINATE: Effect = { type: 'terminate' };
export const arm = (timer: TimerName, afterMs: number): Effect => ({ type: 'arm', timer, afterMs });
export const disarm = (timer: TimerName): Effect => ({ type: 'disarm', timer });

export type ClientEvent =
  | { readonly type: 'response'; readonly status: number }
  | { readonly type: 'timer'; readonly timer: TimerName }
  | { readonly type: 'unreachable' }
  /** The user has lost interest: no more is to be passed. */
  | { readonly type: 'abandon' };

export type ServerEvent =
  /** The same request again. */
  | { readonly type: 'request' }
  | { readonly type: 'ack' }
  | { readonly type: 'respond'; readonly status: number }
  | { readonly type: 'timer'; readonly timer: TimerName }
  | { readonly type: 'unreachable' };

export interface Step<State> {
  readonly state: State;
  readonly effects: readonly Effect[];
}
