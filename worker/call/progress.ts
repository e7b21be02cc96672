/**
 * How far a call is, told to the world: record, timeline and status callbacks in one place
 * (PROTOCOL §6.1; AC-65, AC-66). Callbacks count from 0 in the order they are owed.
 */
import type { CallProgressEvent, CallRecord, CallStatus } from '../../shared/domain/call.ts';
import type { Ending } from '../../shared/domain/ending.ts';
import type { Clock } from '../../shared/kernel/clock.ts';
import type { Journal } from './ports.ts';
import { requestParameters } from './request-parameters.ts';

export class Progress {
  readonly #call: CallRecord;
  readonly #journal: Journal;
  readonly #clock: Clock;
  #status: CallStatus;
  #answeredAtMs: number | null;
  #endedAtMs: number | null = null;
  /** What owners before this one have told: it is not told again, and the count goes on from there. */
  readonly #before: ReadonlySet<CallProgressEvent>;
  #sequence: number;

  constructor(call: CallRecord, journal: Journal, clock: Clock) {
    this.#call = call;
    this.#journal = journal;
    this.#clock = clock;
    this.#status = call.status;
    this.#answeredAtMs = call.answeredAt === null ? null : Date.parse(call.answeredAt);
    this.#before = toldBefore(call);
    this.#sequence = call.plan.statusCallbackEvents.filter((event) => this.#before.has(event)).length;
  }

  get status(): CallStatus {
    return this.#status;
  }

  get answered(): boolean {
    return this.#answeredAtMs !== null;
  }

  initiated(): void {
    this.#callback('initiated', 'initiated', null);
  }

  ringing(): void {
    this.#status = 'ringing';
    if (this.#before.has('ringing')) return;
    this.#journal.patch({ status: 'ringing', ringingAt: this.#now() });
    this.#journal.entry({ type: 'call.status', status: 'ringing' });
    this.#callback('ringing', 'ringing', null);
  }

  up(): void {
    this.#status = 'in-progress';
    this.#answeredAtMs = this.#clock.now();
    this.#journal.patch({ status: 'in-progress', answeredAt: this.#now() });
    this.#journal.entry({ type: 'call.status', status: 'in-progress' });
    this.#callback('answered', 'in-progress', 200);
  }

  /** The moment it was over, which is before everything is wound up. */
  over(): void {
    this.#endedAtMs ??= this.#clock.now();
  }

  ended(ending: Ending): void {
    const endedAtMs = this.#endedAtMs ?? this.#clock.now();
    const durationMs = this.#answeredAtMs === null ? null : Math.max(0, endedAtMs - this.#answeredAtMs);
    this.#status = ending.status;
    this.#journal.entry({ type: 'call.ended', ending });
    this.#callback('completed', ending.status, ending.sipCode, durationMs);
    this.#journal.patch({ status: ending.status, endedAt: new Date(endedAtMs).toISOString(), durationMs, ending });
  }

  #now(): string {
    return new Date(this.#clock.now()).toISOString();
  }

  #callback(event: CallProgressEvent, status: string, sipCode: number | null, durationMs: number | null = null): void {
    const { plan } = this.#call;
    if (plan.statusCallback === null || !plan.statusCallbackEvents.includes(event)) return;
    if (this.#before.has(event)) return;
    const seconds = Math.ceil((durationMs ?? 0) / 1000);
    const final =
      event === 'completed' ? { CallDuration: String(seconds), Duration: String(Math.ceil(seconds / 60)) } : {};
    this.#journal.callback({
      event: `call.${event}`,
      url: plan.statusCallback,
      method: plan.statusCallbackMethod,
      fields: requestParameters(this.#call, status, {
        ...final,
        ...(sipCode === null ? {} : { SipResponseCode: String(sipCode) }),
        Timestamp: new Date(this.#clock.now()).toUTCString().replace('GMT', '+0000'),
        CallbackSource: 'call-progress-events',
        SequenceNumber: String(this.#sequence++),
      }),
    });
  }
}

/** What was said of a call before it came to us: a call that is dialled has its gateway from the first owner on. */
function toldBefore({ status, answeredAt, ringingAt, direction, gateway }: CallRecord): ReadonlySet<CallProgressEvent> {
  const told = new Set<CallProgressEvent>();
  if (status !== 'queued' || (direction !== 'inbound' && gateway !== null)) told.add('initiated');
  if (ringingAt !== null) told.add('ringing');
  if (answeredAt !== null) told.add('answered');
  return told;
}
