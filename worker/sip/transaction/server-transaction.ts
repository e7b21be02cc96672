/**
 * A server transaction in the flesh: runs the machine of its method, owns its timers, keeps the
 * latest response for retransmission. Made and forgotten by the layer.
 */
import type { Clock } from '../../../shared/kernel/clock.ts';
import type { IncomingRequest } from '../message/message.ts';
import { buildResponse, type ResponseParts } from '../message/respond.ts';
import { serialise } from '../message/serialise.ts';
import { nextInviteServer, startInviteServer } from './invite-server.ts';
import { nextServer, startServer } from './server.ts';
import { TimerSet } from './timer-set.ts';
import type { Effect, ServerEvent, Step } from './timers.ts';
import type { Flow, Wire } from './wire.ts';

export interface ServerUser {
  /** An INVITE of theirs is cancelled (RFC 3261 §9.2); its 200 was sent. */
  onCancel(): void;
}

/** Where a response goes (RFC 3261 §18.2.2, RFC 3581 §4): the packet's source, or the sent-by port without rport. */
export function replyFlow(request: Pick<IncomingRequest, 'via'>, source: Flow): Flow {
  if (source.transport === 'tcp' || request.via.parameters.has('rport')) return source;
  return { ...source, port: request.via.port ?? 5060 };
}

export class ServerTransaction {
  readonly request: IncomingRequest;
  readonly source: Flow;
  /** Set by whoever takes the request up. */
  user: ServerUser | null = null;
  readonly #wire: Wire;
  readonly #timers: TimerSet;
  readonly #forget: () => void;
  readonly #step: (event: ServerEvent) => readonly Effect[];
  #latest: Buffer | null = null;
  #finalStatus = 0;

  constructor(request: IncomingRequest, source: Flow, wire: Wire, clock: Clock, forget: () => void) {
    this.request = request;
    this.source = source;
    this.#wire = wire;
    this.#timers = new TimerSet(clock);
    this.#forget = forget;
    const reliable = source.transport === 'tcp';
    this.#step =
      request.method === 'INVITE'
        ? stepper(startInviteServer(reliable), nextInviteServer)
        : stepper(startServer(reliable), nextServer);
  }

  /** The final status sent, 0 before. */
  get finalStatus(): number {
    return this.#finalStatus;
  }

  respond(parts: ResponseParts): void {
    const bytes = serialise(buildResponse(this.request, parts));
    if (this.#finalStatus === 0 || (this.#finalStatus < 300 && parts.code < 300)) this.#latest = bytes;
    if (parts.code >= 200 && this.#finalStatus === 0) this.#finalStatus = parts.code;
    this.#run(this.#step({ type: 'respond', status: parts.code }));
  }

  /** The same request came again. */
  repeated(): void {
    this.#run(this.#step({ type: 'request' }));
  }

  acknowledged(): void {
    this.#run(this.#step({ type: 'ack' }));
  }

  /** Ends it at once. */
  abandon(): void {
    this.#run(this.#step({ type: 'unreachable' }));
    this.#timers.clear();
    this.#forget();
  }

  #run(effects: readonly Effect[]): void {
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case 'send':
        if (this.#latest) sendReply(this.#wire, this.#latest, this.request, this.source, this.#unreachable);
        return;
      case 'arm':
        this.#timers.arm(effect.timer, effect.afterMs, () => {
          this.#run(this.#step({ type: 'timer', timer: effect.timer }));
        });
        return;
      case 'disarm':
        this.#timers.disarm(effect.timer);
        return;
      case 'terminate':
        this.#timers.clear();
        this.#forget();
        return;
      case 'ack':
      case 'pass':
      case 'timeout':
      case 'unreachable':
        return;
      default:
        effect satisfies never;
    }
  }

  readonly #unreachable = (): void => {
    this.#run(this.#step({ type: 'unreachable' }));
  };
}

/** Sends a response; over TCP a lost connection is replaced by one to the sent-by port (RFC 3261 §18.2.2). */
export function sendReply(
  wire: Wire,
  bytes: Buffer,
  request: Pick<IncomingRequest, 'via'>,
  source: Flow,
  failed: () => void,
): void {
  const flow = replyFlow(request, source);
  const sentBy = { ...flow, port: request.via.port ?? 5060 };
  const again = flow.transport === 'tcp' && sentBy.port !== flow.port;
  wire.send(bytes, flow, again ? () => wire.send(bytes, sentBy, failed) : failed);
}

function stepper<State>(start: State, next: (state: State, event: ServerEvent) => Step<State>) {
  let state = start;
  return (event: ServerEvent): readonly Effect[] => {
    const step = next(state, event);
    state = step.state;
    return step.effects;
  };
}
