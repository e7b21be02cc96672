/**
 * Sends a request to where its next hop leads: looks the name up, tries the targets in turn (RFC 3263
 * §4.3: on no answer, no connection, 503), large requests by TCP before UDP (RFC 3261 §18.1.1).
 */
import { randomBytes } from 'node:crypto';
import type { IncomingResponse, SipRequest } from '../message/message.ts';
import { serialise } from '../message/serialise.ts';
import { MAGIC_COOKIE } from '../message/via.ts';
import type { ClientTransaction } from '../transaction/client-transaction.ts';
import type { TransactionLayer } from '../transaction/layer.ts';
import type { Flow, Wire } from '../transaction/wire.ts';
import { type Hop, literalTarget, type Resolver } from '../transport/resolve.ts';

export interface Route {
  readonly hop: Hop | null;
  /** Where to turn when the hop does not lead to anyone; for TCP, the connection to use if it is open. */
  readonly flow: Flow | null;
  /** The hop is behind a NAT: the flow is what leads there. */
  readonly flowFirst: boolean;
}

export interface SendUser {
  onResponse(response: IncomingResponse): void;
  /** No target answered. 408: no answer in time; 503: nobody could be reached. */
  onNoAnswer(code: 408 | 503): void;
}

export interface Sent {
  /** With our Via. */
  readonly request: SipRequest;
  readonly target: Flow;
}

export interface Sending {
  /** What is on its way to whom; null before the first target is known. */
  readonly sent: Sent | null;
  /** No target after the present one is tried; its responses are still told. */
  stopTrying(): void;
  /** CANCEL (INVITE only). */
  cancel(): void;
  /** Nothing more is wanted of it. */
  abandon(): void;
}

/** A larger request does not go by UDP when TCP can be had. */
const LARGEST_DATAGRAM = 1_300;
/** What Via and its branch will add. */
const VIA_SIZE = 110;

export class RequestSender {
  readonly #layer: TransactionLayer;
  readonly #wire: Wire & { connected?(flow: Flow): boolean };
  readonly #resolver: Resolver;

  constructor(layer: TransactionLayer, wire: Wire & { connected?(flow: Flow): boolean }, resolver: Resolver) {
    this.#layer = layer;
    this.#wire = wire;
    this.#resolver = resolver;
  }

  send(request: SipRequest, route: Route, user: SendUser): Sending {
    const attempt = new Attempt(this.#layer, request, user);
    this.#targets(route, (targets) => attempt.begin(this.#bySize(request, targets)));
    return attempt;
  }

  /** Sends an ACK of a 2xx; the answer sends the very same again. */
  sendAck(request: SipRequest, route: Route): () => void {
    let again = (): void => {};
    this.#targets(route, ([target]) => {
      if (!target) return;
      const headers = request.headers.copy();
      headers.prepend('via', this.#layer.via(target, MAGIC_COOKIE + randomBytes(12).toString('hex')));
      const bytes = serialise({ ...request, headers });
      again = () => this.#wire.send(bytes, target, () => {});
      again();
    });
    return () => again();
  }

  /** At once when no name is to be looked up. */
  #targets(route: Route, then: (targets: readonly Flow[]) => void): void {
    const { hop, flow, flowFirst } = route;
    const reuse = flow !== null && flow.address === hop?.host && this.#wire.connected?.(flow) === true;
    if (flow && (hop === null || reuse)) {
      then([flow]);
      return;
    }
    if (hop === null) {
      then([]);
      return;
    }
    const withFlow = (targets: readonly Flow[]): readonly Flow[] => {
      if (!flow || targets.some((one) => same(one, flow))) return targets;
      // Nobody can be connected to behind a NAT: of TCP only what is open leads there.
      const leads = flowFirst && (flow.transport === 'udp' || this.#wire.connected?.(flow) === true);
      return leads ? [flow, ...targets] : [...targets, flow];
    };
    const literal = literalTarget(hop);
    if (literal) then(withFlow([literal]));
    else void this.#resolver.resolve(hop).then((targets) => then(withFlow(targets)));
  }

  #bySize(request: SipRequest, targets: readonly Flow[]): readonly Flow[] {
    const mayBeLarge = request.body.length + request.headers.size * 40 > LARGEST_DATAGRAM / 3;
    if (!mayBeLarge || !this.#wire.supports('tcp')) return targets;
    if (serialise(request).length + VIA_SIZE <= LARGEST_DATAGRAM) return targets;
    return targets.flatMap((one) => (one.transport === 'udp' ? [{ ...one, transport: 'tcp' as const }, one] : [one]));
  }
}

const same = (one: Flow, other: Flow): boolean =>
  one.transport === other.transport && one.address === other.address && one.port === other.port;

class Attempt implements Sending {
  readonly #layer: TransactionLayer;
  readonly #request: SipRequest;
  readonly #user: SendUser;
  #targets: readonly Flow[] = [];
  #transaction: ClientTransaction | null = null;
  #given: 'open' | 'stopped' | 'cancelled' | 'abandoned' = 'open';

  constructor(layer: TransactionLayer, request: SipRequest, user: SendUser) {
    this.#layer = layer;
    this.#request = request;
    this.#user = user;
  }

  get sent(): Sent | null {
    return this.#transaction;
  }

  begin(targets: readonly Flow[]): void {
    if (this.#given !== 'open') {
      queueMicrotask(() => this.#giveUp(503));
      return;
    }
    this.#targets = targets;
    if (targets.length === 0) queueMicrotask(() => this.#giveUp(503));
    else this.#next();
  }

  stopTrying(): void {
    if (this.#given === 'open') this.#given = 'stopped';
  }

  cancel(): void {
    if (this.#given === 'cancelled' || this.#given === 'abandoned') return;
    this.#given = 'cancelled';
    this.#cancelWhenHeard();
  }

  /** RFC 3261 §9.1: what was heard of another target, or before the credentials, does not count. */
  #cancelWhenHeard(): void {
    const mine = this.#transaction;
    if (mine?.heard && !mine.answered) this.#layer.cancel(mine.request, mine.target);
  }

  abandon(): void {
    this.#given = 'abandoned';
    this.#transaction?.abandon();
  }

  #next(): void {
    const [target, ...rest] = this.#targets;
    if (!target) return;
    this.#targets = rest;
    const mine = this.#layer.request(this.#request, target, {
      onResponse: (response) => {
        if (this.#given === 'cancelled') this.#cancelWhenHeard();
        const another = response.status === 503 && rest.length > 0 && this.#given === 'open';
        if (another) this.#next();
        else if (this.#given !== 'abandoned') this.#user.onResponse(response);
      },
      onTimeout: () => this.#failed(408),
      onUnreachable: () => this.#failed(503),
    });
    this.#transaction = mine ?? this.#transaction;
    if (!mine) queueMicrotask(() => this.#giveUp(503));
  }

  #failed(code: 408 | 503): void {
    if (this.#targets.length > 0 && this.#given === 'open') this.#next();
    else this.#giveUp(code);
  }

  #giveUp(code: 408 | 503): void {
    if (this.#given !== 'abandoned') this.#user.onNoAnswer(code);
  }
}
