/**
 * A client transaction in the flesh: runs the machine of its method, owns its timers, and puts
 * request and ACK on the wire. Made and forgotten by the layer.
 */
import type { Clock } from '../../../shared/kernel/clock.ts';
import { HeaderList } from '../message/headers.ts';
import type { IncomingResponse, SipRequest } from '../message/message.ts';
import { serialise } from '../message/serialise.ts';
import { nextClient, startClient } from './client.ts';
import { nextInviteClient, startInviteClient } from './invite-client.ts';
import { TimerSet } from './timer-set.ts';
import type { ClientEvent, Effect, Step } from './timers.ts';
import type { Flow, Wire } from './wire.ts';

export interface ClientUser {
  onResponse(response: IncomingResponse): void;
  /** Timer B or F: nothing final came. */
  onTimeout(): void;
  /** The transport failed for good. */
  onUnreachable(): void;
}

type Machine = { readonly step: (event: ClientEvent) => readonly Effect[]; readonly begin: readonly Effect[] };

export class ClientTransaction {
  /** With our Via on top, as it went out. */
  readonly request: SipRequest;
  readonly target: Flow;
  readonly #bytes: Buffer;
  readonly #wire: Wire;
  readonly #timers: TimerSet;
  readonly #user: ClientUser;
  readonly #forget: () => void;
  readonly #machine: Machine;
  #response: IncomingResponse | null = null;
  #ack: Buffer | null = null;

  constructor(request: SipRequest, target: Flow, wire: Wire, clock: Clock, user: ClientUser, forget: () => void) {
    this.request = request;
    this.target = target;
    this.#bytes = serialise(request);
    this.#wire = wire;
    this.#timers = new TimerSet(clock);
    this.#user = user;
    this.#forget = forget;
    const reliable = target.transport === 'tcp';
    this.#machine =
      request.method === 'INVITE'
        ? machine(startInviteClient(reliable), nextInviteClient)
        : machine(startClient(reliable), nextClient);
  }

  /** Whether anything came back. */
  get heard(): boolean {
    return this.#response !== null;
  }

  /** Whether the final answer is here. */
  get answered(): boolean {
    return this.#response !== null && this.#response.status >= 200;
  }

  /** Sends. Apart from the constructor so that the layer has it in its table before an answer comes. */
  begin(): void {
    this.#run(this.#machine.begin);
  }

  receive(response: IncomingResponse): void {
    this.#response = response;
    this.#run(this.#machine.step({ type: 'response', status: response.status }));
  }

  /** Ends it at once; nothing is passed any more. */
  abandon(): void {
    this.#run(this.#machine.step({ type: 'abandon' }));
  }

  #run(effects: readonly Effect[]): void {
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case 'send':
        this.#wire.send(this.#bytes, this.target, this.#unreachable);
        return;
      case 'ack':
        this.#ack ??= this.#response && serialise(ackOf(this.request, this.#response));
        if (this.#ack) this.#wire.send(this.#ack, this.target, this.#unreachable);
        return;
      case 'arm':
        this.#timers.arm(effect.timer, effect.afterMs, () => {
          this.#run(this.#machine.step({ type: 'timer', timer: effect.timer }));
        });
        return;
      case 'disarm':
        this.#timers.disarm(effect.timer);
        return;
      case 'pass':
        if (this.#response) this.#user.onResponse(this.#response);
        return;
      case 'timeout':
        this.#user.onTimeout();
        return;
      case 'unreachable':
        this.#user.onUnreachable();
        return;
      case 'terminate':
        this.#timers.clear();
        this.#forget();
        return;
      default:
        effect satisfies never;
    }
  }

  readonly #unreachable = (): void => {
    this.#run(this.#machine.step({ type: 'unreachable' }));
  };
}

function machine<State>(start: Step<State>, next: (state: State, event: ClientEvent) => Step<State>): Machine {
  let state = start.state;
  return {
    begin: start.effects,
    step: (event) => {
      const step = next(state, event);
      state = step.state;
      return step.effects;
    },
  };
}

/** The ACK of a non-2xx answer (RFC 3261 §17.1.1.3). */
export function ackOf(invite: SipRequest, response: IncomingResponse): SipRequest {
  return sibling(invite, 'ACK', response.headers.get('to') ?? '');
}

/** The CANCEL of an INVITE in progress (RFC 3261 §9.1). */
export function cancelOf(invite: SipRequest): SipRequest {
  return sibling(invite, 'CANCEL', invite.headers.get('to') ?? '');
}

function sibling(invite: SipRequest, method: 'ACK' | 'CANCEL', to: string): SipRequest {
  const headers = HeaderList.of(
    ['via', invite.headers.get('via') ?? ''],
    ['max-forwards', '70'],
    ['from', invite.headers.get('from') ?? ''],
    ['to', to],
    ['call-id', invite.headers.get('call-id') ?? ''],
    ['cseq', `${Number.parseInt(invite.headers.get('cseq') ?? '0', 10)} ${method}`],
  );
  for (const route of invite.headers.all('route')) headers.add('route', route);
  return { kind: 'request', method, uri: invite.uri, headers, body: '' };
}
