/**
 * INVITE client transaction: RFC 3261 §17.1.1 with the accepted state of RFC 6026 §7.2.
 *
 *            start: send, arm A (UDP) and B
 *                     |
 *                +---------+  A: send, A doubles
 *      +---------| calling |--------+---------------+
 *      | 1xx     +---------+        |               |
 *      v              |             |               |
 *  +------------+     | 2xx         | 300-699       | B: timeout
 *  | proceeding |     |             | ack, pass     | unreachable
 *  +------------+     |             |               |
 *    | 2xx  | 300-699 |             v               v
 *    |      +---------|------> +-----------+   +------------+
 *    |                |        | completed |-->| terminated |
 *    |                v        +-----------+ D +------------+
 *    |          +----------+    300-699: ack         ^
 *    +--------->| accepted |-------------------------+
 *               +----------+  M
 *                2xx: pass
 */
import {
  ACK,
  arm,
  type ClientEvent,
  disarm,
  type Effect,
  LONG,
  PASS,
  SEND,
  type Step,
  T1,
  TERMINATE,
  TIMEOUT,
  UNREACHABLE,
} from './timers.ts';

export interface InviteClientState {
  readonly name: 'calling' | 'proceeding' | 'completed' | 'accepted' | 'terminated';
  readonly reliable: boolean;
  /** Timer A's present length. */
  readonly intervalMs: number;
}

/** The first step of a new transaction. */
export function startInviteClient(reliable: boolean): Step<InviteClientState> {
  const effects: Effect[] = reliable ? [SEND, arm('B', LONG)] : [SEND, arm('A', T1), arm('B', LONG)];
  return { state: { name: 'calling', reliable, intervalMs: T1 }, effects };
}

export function nextInviteClient(state: InviteClientState, event: ClientEvent): Step<InviteClientState> {
  const stay: Step<InviteClientState> = { state, effects: [] };
  if (state.name === 'terminated') return stay;
  switch (event.type) {
    case 'response':
      return onResponse(state, event.status);
    case 'timer':
      return onTimer(state, event.timer);
    case 'unreachable':
      if (state.name === 'accepted') return stay;
      return to(state, 'terminated', state.name === 'completed' ? [TERMINATE] : [UNREACHABLE, TERMINATE]);
    case 'abandon':
      return to(state, 'terminated', [TERMINATE]);
    default:
      return stay;
  }
}

function onResponse(state: InviteClientState, status: number): Step<InviteClientState> {
  const waiting = state.name === 'calling' || state.name === 'proceeding';
  if (status < 200) {
    return waiting ? to(state, 'proceeding', [disarm('A'), disarm('B'), PASS]) : { state, effects: [] };
  }
  if (status < 300) {
    if (waiting) return to(state, 'accepted', [disarm('A'), disarm('B'), arm('M', LONG), PASS]);
    return { state, effects: state.name === 'accepted' ? [PASS] : [] };
  }
  if (!waiting) return { state, effects: state.name === 'completed' ? [ACK] : [] };
  const after: Effect[] = [disarm('A'), disarm('B'), ACK, PASS];
  return state.reliable
    ? to(state, 'terminated', [...after, TERMINATE])
    : to(state, 'completed', [...after, arm('D', LONG)]);
}

function onTimer(state: InviteClientState, timer: string): Step<InviteClientState> {
  if (timer === 'A' && state.name === 'calling') {
    const intervalMs = state.intervalMs * 2;
    return { state: { ...state, intervalMs }, effects: [SEND, arm('A', intervalMs)] };
  }
  if (timer === 'B' && state.name === 'calling') return to(state, 'terminated', [TIMEOUT, TERMINATE]);
  if (timer === 'D' && state.name === 'completed') return to(state, 'terminated', [TERMINATE]);
  if (timer === 'M' && state.name === 'accepted') return to(state, 'terminated', [TERMINATE]);
  return { state, effects: [] };
}

function to(
  state: InviteClientState,
  name: InviteClientState['name'],
  effects: readonly Effect[],
): Step<InviteClientState> {
  return { state: { ...state, name }, effects };
}
