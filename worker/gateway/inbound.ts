/**
 * From an INVITE to a queued call: may this source call, is the number ours, is there room, is Redis
 * there. Each no is one SIP answer: 403, 404, 503 with Retry-After. A yes is a record and a job.
 */
import type { CallRecord } from '../../shared/domain/call.ts';
import type { NumberRecord } from '../../shared/domain/number.ts';
import type { Clock } from '../../shared/kernel/clock.ts';
import { withDeadline } from '../../shared/kernel/deadline.ts';
import { type AccountSid, FIRST_LEG, newCallSid } from '../../shared/kernel/ids.ts';
import type { Logger } from '../../shared/kernel/log.ts';
import type { Tracer } from '../../shared/tracing/tracer.ts';
import type { SipInvitation } from '../sip/sip-call.ts';
import { numberCandidates } from './address.ts';
import type { SourceGuard } from './admission.ts';
import type { Counters } from './counters.ts';
import { type CallParts, GatewayCall } from './gateway-call.ts';
import { GatewayLeg } from './gateway-leg.ts';
import { inboundRecord } from './inbound-record.ts';
import { InboundWait } from './inbound-wait.ts';
import type { Load } from './load.ts';
import type { GatewayQueue, GatewayStore } from './ports.ts';
import { notQueued } from './unclaimed-endings.ts';

export interface InboundParts {
  readonly store: GatewayStore;
  readonly queue: GatewayQueue;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly log: Logger;
  readonly guard: SourceGuard;
  readonly load: Load;
  readonly tracer: Tracer | null;
  readonly accountSid: AccountSid;
  readonly queueTimeoutMs: number;
  readonly call: CallParts;
  /** Keeps the call where the gateway finds it again. */
  readonly adopt: (call: GatewayCall) => void;
}

/** A caller waits this long for Redis before 503. */
const STORE_DEADLINE_MS = 2000;
const LARGEST_OFFER = 16_384;
const RETRY_AFTER = { 'Retry-After': '5' } as const;

export class Inbound {
  readonly #parts: InboundParts;

  constructor(parts: InboundParts) {
    this.#parts = parts;
  }

  /** Decides about an INVITE. Never throws, never rejects. */
  async invite(invitation: SipInvitation): Promise<void> {
    const { counters, load, log } = this.#parts;
    counters.add('invitesReceived');
    if (!this.#admit(invitation)) return;
    const place = load.enter();
    if (!place) {
      counters.add('refusedOverload');
      invitation.refuse(503, 'Service Unavailable', RETRY_AFTER);
      return;
    }
    try {
      await this.#createTraced(invitation);
    } catch (error) {
      counters.add('refusedStoreAway');
      log.warn({ err: error }, 'An inbound call was refused because Redis was away.');
      invitation.refuse(503, 'Service Unavailable', RETRY_AFTER);
    } finally {
      place.leave();
    }
  }

  #admit(invitation: SipInvitation): boolean {
    const { guard, counters, log } = this.#parts;
    const admission = guard.admit(invitation);
    if (admission.kind === 'refused') {
      counters.add('refusedUnknownSource');
      log.info({ source: invitation.source }, 'A call from a source that is not allowed was refused.');
      invitation.refuse(403, 'Forbidden');
    }
    if (admission.kind !== 'admitted') return false;
    if ((invitation.sdp?.length ?? 0) <= LARGEST_OFFER) return true;
    counters.add('refusedMalformed');
    invitation.refuse(513, 'Message Too Large');
    return false;
  }

  /** The trace of the call begins here. */
  async #createTraced(invitation: SipInvitation): Promise<void> {
    const span = this.#parts.tracer?.start('INVITE', 'server', null, { 'network.protocol.name': 'sip' }) ?? null;
    try {
      await this.#create(invitation, span?.traceparent ?? null);
      span?.end();
    } catch (error) {
      span?.end('Redis was away');
      throw error;
    }
  }

  async #create(invitation: SipInvitation, traceparent: string | null): Promise<void> {
    const { store, clock, counters, accountSid, call } = this.#parts;
    const number = await this.#find(invitation);
    const sid = newCallSid();
    const facts = { sid, accountSid, gateway: call.identity.id, nowMs: clock.now(), traceparent };
    const record = number && inboundRecord(invitation, number, facts);
    if (!record) {
      counters.add('refusedUnknownNumber');
      invitation.refuse(404, 'Not Found');
      return;
    }
    const gatewayCall = new GatewayCall(sid, call, true);
    try {
      await withDeadline(clock, STORE_DEADLINE_MS, 'Redis', store.calls.create(record));
    } catch (error) {
      // The record may have been written all the same: it must not stay alive.
      gatewayCall.writer.endUnclaimed(record, notQueued, () => undefined);
      gatewayCall.writer.release();
      this.#parts.adopt(gatewayCall);
      throw error;
    }
    this.#accept(invitation, record, gatewayCall);
    gatewayCall.writer.release();
    await this.#enqueue(record, gatewayCall);
  }

  #accept(invitation: SipInvitation, record: CallRecord, call: GatewayCall): void {
    const { clock, counters, queueTimeoutMs, adopt } = this.#parts;
    const leg = new GatewayLeg(FIRST_LEG, 'invited', 'in', clock, call);
    const wait = new InboundWait({
      clock,
      counters,
      writer: call.writer,
      call: record,
      queueTimeoutMs,
      refuse: () => leg.reject(503, 'Service Unavailable'),
    });
    const { transport, address, port } = invitation.source;
    call.addInbound(leg, wait);
    call.onEntry({ type: 'sip.invite', way: 'in', detail: `${transport} ${address}:${port}` });
    adopt(call);
    leg.attach(invitation.accept(leg));
    counters.add('invitesAccepted');
  }

  /** A call that cannot be queued is ended at once, or as soon as Redis takes the news. */
  async #enqueue(record: CallRecord, call: GatewayCall): Promise<void> {
    const { queue, clock, counters, log } = this.#parts;
    try {
      await withDeadline(clock, STORE_DEADLINE_MS, 'Redis', queue.addCall(call.sid));
    } catch (error) {
      counters.add('refusedStoreAway');
      log.warn({ call: call.sid, err: error }, 'An inbound call could not be queued.');
      call.writer.endUnclaimed(record, notQueued, () => undefined);
      call.rejectUnanswered(503, 'Service Unavailable');
    }
  }

  async #find(invitation: SipInvitation): Promise<NumberRecord | null> {
    const { store, clock } = this.#parts;
    const candidates = numberCandidates(invitation.requestUri);
    const lookup = Promise.all(candidates.map((candidate) => store.numbers.get(candidate)));
    const found = await withDeadline(clock, STORE_DEADLINE_MS, 'Redis', lookup);
    return found.find((number) => number !== null) ?? null;
  }
}
