/**
 * Non-INVITE client transaction: RFC 3261 §17.1.2.
 *
 *          start: send, arm E (UDP) and F
 *                    |
 *               +--------+  E: send, E doubles up to T2
 *       +-------| trying |------+----------------+
 *       | 1xx   +--------+      | 200-699        | F: timeout
 *       v                       | pass           | unreachable
 *  +------------+  200-699      v                v
 *  | proceeding |-------> +-----------+ K  +------------+
 *  +------------+  pass   | completed |--->| terminated |
 *   E: send, E = T2       +-----------+    +------------+
 *   F: timeout             (TCP: no wait)
 */
import {
  arm,
  type ClientEvent,
  disarm,
  type Effect,
  LONG,
  PASS,
  SEND,
  type Step,
  T1,
  T2,
  T4,
  TERMINATE,
  TIMEOUT,
  UNREACHABLE,
} from './timers.ts';

export interface ClientState {
  readonly name: 'trying' | 'proceeding' | 'completed' | 'terminated';
  readonly reliable: boolean;
  /** Timer E's present length. */
  readonly intervalMs: number;
}

/** The first step of a new transaction. */
export function startClient(reliable: boolean): Step<ClientState> {
  const effects: Effect[] = reliable ? [SEND, arm('F', LONG)] : [SEND, arm('E', T1), arm('F', LONG)];
  return { state: { name: 'trying', reliable, intervalMs: T1 }, effects };
}

export function nextClient(state: ClientState, event: ClientEvent): Step<ClientState> {
  if (state.name === 'terminated') return { state, effects: [] };
  switch (event.type) {
    case 'response':
      return onResponse(state, event.status);
    case 'timer':
      return onTimer(state, event.timer);
    case 'unreachable':
      return to(state, 'terminated', state.name === 'completed' ? [TERMINATE] : [UNREACHABLE, TERMINATE]);
    case 'abandon':
      return to(state, 'terminated', [TERMINATE]);
    default:
      return { state, effects: [] };
  }
}

function onResponse(state: ClientState, status: number): Step<ClientState> {
  if (state.name === 'completed') return { state, effects: [] };
  if (status < 200) return to(state, 'proceeding', [PASS]);
  const after: Effect[] = [disarm('E'), disarm('F'), PASS];
  return state.reliable
    ? to(state, 'terminated', [...after, TERMINATE])
    : to(state, 'completed', [...after, arm('K', T4)]);
}

function onTimer(state: ClientState, timer: string): Step<ClientState> {
  const waiting = state.name === 'trying' || state.name === 'proceeding';
  if (timer === 'E' && waiting) {
    const intervalMs = state.name === 'proceeding' ? T2 : Math.min(state.intervalMs * 2, T2);
    return { state: { ...state, intervalMs }, effects: [SEND, arm('E', intervalMs)] };
  }
  if (timer === 'F' && waiting) return to(state, 'terminated', [TIMEOUT, TERMINATE]);
  if (timer === 'K' && state.name === 'completed') return to(state, 'terminated', [TERMINATE]);
  return { state, effects: [] };
}

function to(state: ClientState, name: ClientState['name'], effects: readonly Effect[]): Step<ClientState> {
  return { state: { ...state, name }, effects };
}
