/**
 * INVITE server transaction: RFC 3261 §17.2.1 with the accepted state of RFC 6026 §7.1.
 *
 *                +------------+  INVITE: send; 1xx: send
 *        +-------| proceeding |--------+
 *        | 2xx   +------------+        | 300-699: send, arm G (UDP) and H
 *        v  send, arm L                v
 *  +----------+                  +-----------+  G: send, G doubles up to T2
 *  | accepted |                  | completed |  INVITE: send
 *  +----------+                  +-----------+
 *   | INVITE: nothing              | ACK     | H: timeout
 *   | 2xx: send                    v         | unreachable
 *   |                        +-----------+   |
 *   |                        | confirmed |   |
 *   | L                      +-----------+   |
 *   |                              | I       |
 *   |          +------------+      |         |
 *   +--------->| terminated |<-----+---------+
 *              +------------+
 */
import {
  arm,
  disarm,
  type Effect,
  LONG,
  SEND,
  type ServerEvent,
  type Step,
  T1,
  T2,
  T4,
  TERMINATE,
  TIMEOUT,
  UNREACHABLE,
} from './timers.ts';

export interface InviteServerState {
  readonly name: 'proceeding' | 'accepted' | 'completed' | 'confirmed' | 'terminated';
  readonly reliable: boolean;
  /** Timer G's present length. */
  readonly intervalMs: number;
}

export function startInviteServer(reliable: boolean): InviteServerState {
  return { name: 'proceeding', reliable, intervalMs: T1 };
}

export function nextInviteServer(state: InviteServerState, event: ServerEvent): Step<InviteServerState> {
  switch (state.name) {
    case 'proceeding':
      return inProceeding(state, event);
    case 'accepted':
      return inAccepted(state, event);
    case 'completed':
      return inCompleted(state, event);
    case 'confirmed':
      return isTimer(event, 'I') ? to(state, 'terminated', [TERMINATE]) : { state, effects: [] };
    case 'terminated':
      return { state, effects: [] };
    default:
      return state.name satisfies never;
  }
}

function inProceeding(state: InviteServerState, event: ServerEvent): Step<InviteServerState> {
  if (event.type === 'request') return { state, effects: [SEND] };
  if (event.type === 'unreachable') return to(state, 'terminated', [UNREACHABLE, TERMINATE]);
  if (event.type !== 'respond') return { state, effects: [] };
  if (event.status < 200) return { state, effects: [SEND] };
  if (event.status < 300) return to(state, 'accepted', [SEND, arm('L', LONG)]);
  const effects = state.reliable ? [SEND, arm('H', LONG)] : [SEND, arm('G', T1), arm('H', LONG)];
  return to(state, 'completed', effects);
}

function inAccepted(state: InviteServerState, event: ServerEvent): Step<InviteServerState> {
  if (isTimer(event, 'L')) return to(state, 'terminated', [TERMINATE]);
  const again = event.type === 'respond' && event.status >= 200 && event.status < 300;
  return { state, effects: again ? [SEND] : [] };
}

function inCompleted(state: InviteServerState, event: ServerEvent): Step<InviteServerState> {
  if (event.type === 'request') return { state, effects: [SEND] };
  if (event.type === 'unreachable') return to(state, 'terminated', [UNREACHABLE, TERMINATE]);
  if (event.type === 'ack') {
    return state.reliable
      ? to(state, 'terminated', [disarm('H'), TERMINATE])
      : to(state, 'confirmed', [disarm('G'), disarm('H'), arm('I', T4)]);
  }
  if (isTimer(event, 'G')) {
    const intervalMs = Math.min(state.intervalMs * 2, T2);
    return { state: { ...state, intervalMs }, effects: [SEND, arm('G', intervalMs)] };
  }
  return isTimer(event, 'H') ? to(state, 'terminated', [TIMEOUT, TERMINATE]) : { state, effects: [] };
}

const isTimer = (event: ServerEvent, timer: string): boolean => event.type === 'timer' && event.timer === timer;

function to(
  state: InviteServerState,
  name: InviteServerState['name'],
  effects: readonly Effect[],
): Step<InviteServerState> {
  return { state: { ...state, name }, effects };
}
