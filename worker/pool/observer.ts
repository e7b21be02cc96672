/**
 * Whoever sees calls without taking part in them: metrics and traces. The pool asks for an observer as it
 * claims a call and lets it look at what goes through the call's ports. Nothing an observer does may wait or throw.
 */
import type { CallRecord } from '../../shared/domain/call.ts';
import type { Epoch } from '../../shared/kernel/ids.ts';
import type { CallChange } from '../../shared/store/store.ts';
import type { CallPorts } from '../call/ports.ts';

export interface Claimed {
  readonly call: CallRecord;
  readonly epoch: Epoch;
  /** From the call's creation until now. */
  readonly queueMs: number;
}

export interface CallObserver {
  /** The ports the session is given, seen on their way. */
  ports(ports: CallPorts): CallPorts;
  /** W3C trace context that the callbacks of the call carry; null without traces. */
  readonly traceparent: string | null;
  /** A change of the call is written down. */
  written(change: CallChange): void;
  /** The call is over here: it ended, or it is another owner's. Told once. */
  closed(): void;
}

export type ObserveCall = (claimed: Claimed) => CallObserver;

/** Nobody looks. */
export const unobserved: ObserveCall = () => ({
  ports: (ports) => ports,
  traceparent: null,
  written: () => {},
  closed: () => {},
});

/** Several look, in this order. */
export function observedByAll(observers: readonly ObserveCall[]): ObserveCall {
  return (claimed) => {
    const all = observers.map((observe) => observe(claimed));
    return {
      ports: (ports) => all.reduce((seen, observer) => observer.ports(seen), ports),
      traceparent: all.find(({ traceparent }) => traceparent !== null)?.traceparent ?? null,
      written: (change) => {
        for (const observer of all) observer.written(change);
      },
      closed: () => {
        for (const observer of all) observer.closed();
      },
    };
  };
}
