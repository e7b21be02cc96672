/**
 * Non-INVITE server transaction: RFC 3261 §17.2.2.
 *
 *   +--------+  1xx: send   +------------+  request: send; 1xx: send
 *   | trying |------------->| proceeding |
 *   +--------+              +------------+
 *       | 200-699: send, arm J     | 200-699: send, arm J
 *       |        +-----------+     |
 *       +------->| completed |<----+
 *                +-----------+  request: send
 *                      | J  (TCP: no wait)
 *                      v
 *                +------------+
 *                | terminated |<--- unreachable, from anywhere
 *                +------------+
 */
import { arm, type Effect, LONG, SEND, type ServerEvent, type Step, TERMINATE, UNREACHABLE } from './timers.ts';

export interface ServerState {
  readonly name: 'trying' | 'proceeding' | 'completed' | 'terminated';
  readonly reliable: boolean;
}

export function startServer(reliable: boolean): ServerState {
  return { name: 'trying', reliable };
}

export function nextServer(state: ServerState, event: ServerEvent): Step<ServerState> {
  if (state.name === 'terminated') return { state, effects: [] };
  switch (event.type) {
    case 'request':
      return { state, effects: state.name === 'trying' ? [] : [SEND] };
    case 'respond':
      return onRespond(state, event.status);
    case 'timer':
      return event.timer === 'J' && state.name === 'completed'
        ? to(state, 'terminated', [TERMINATE])
        : { state, effects: [] };
    case 'unreachable':
      return to(state, 'terminated', [UNREACHABLE, TERMINATE]);
    case 'ack':
      return { state, effects: [] };
    default:
      return event satisfies never;
  }
}

function onRespond(state: ServerState, status: number): Step<ServerState> {
  if (state.name === 'completed') return { state, effects: [] };
  if (status < 200) return to(state, 'proceeding', [SEND]);
  return state.reliable ? to(state, 'terminated', [SEND, TERMINATE]) : to(state, 'completed', [SEND, arm('J', LONG)]);
}

function to(state: ServerState, name: ServerState['name'], effects: readonly Effect[]): Step<ServerState> {
  return { state: { ...state, name }, effects };
}
