/**
 * One call at the gateway: its legs, its box read in order, and what it writes. The only place that
 * makes and forgets legs. Owned by the `Gateway`, which forgets the call when nothing of it is left.
 */
import { isFinal } from '../../shared/domain/call.ts';
import type { TimelineEntry } from '../../shared/domain/event.ts';
import type { CallLetter, GatewayLetter } from '../../shared/domain/letter.ts';
import type { Trunk } from '../../shared/domain/trunk.ts';
import { withDeadline } from '../../shared/kernel/deadline.ts';
import type { CallSid, LegId } from '../../shared/kernel/ids.ts';
import type { Logger } from '../../shared/kernel/log.ts';
import type { SipCallData, SipDial, SipUserAgent } from '../sip/sip-call.ts';
import { BoxReader } from './box-reader.ts';
import { CallWriter, type WriterPorts } from './call-writer.ts';
import { type DialLetter, dialOrders, isTrunkFailure } from './dial-orders.ts';
import { GatewayLeg, type GatewayLegDelegate } from './gateway-leg.ts';
import { InboundWait } from './inbound-wait.ts';
import type { MediaPlace } from './media-place.ts';
import type { GatewayIdentity } from './ports.ts';
import type { Asked } from './reoffers.ts';
import { type StoredLeg, storedLeg } from './stored-leg.ts';
import { passwordOf } from './trunks.ts';

export interface CallParts {
  readonly writer: WriterPorts;
  readonly ua: SipUserAgent;
  readonly identity: GatewayIdentity;
  readonly trunks: readonly Trunk[];
  readonly queueTimeoutMs: number;
  readonly log: Logger;
  /** Tells an owner that was replaced that it is; see `moved-notices.ts`. */
  readonly tellMoved: (sid: CallSid, from: MediaPlace, version: number) => void;
}

/** INVITEs not tried yet, and until when it is worth trying. */
interface Attempts {
  readonly rest: SipDial[];
  readonly untilMs: number;
}

const STORE_DEADLINE_MS = 5000;
/** Another trunk is not tried when it would ring for less than this. */
const SHORTEST_RING_MS = 1000;

export class GatewayCall implements GatewayLegDelegate {
  readonly sid: CallSid;
  readonly writer: CallWriter;
  readonly #parts: CallParts;
  readonly #legs = new Map<LegId, GatewayLeg>();
  readonly #attempts = new Map<LegId, Attempts>();
  readonly #usernames = new Map<LegId, string | null>();
  #wait: InboundWait | null = null;
  readonly #box: BoxReader;
  readonly #sinceMs: number;
  /** When the INVITE of the first leg went or came; null once it is answered. */
  #invitedMs: number | null = null;

  /** `held`: the record is not written yet. */
  constructor(sid: CallSid, parts: CallParts, held: boolean) {
    this.sid = sid;
    this.#parts = parts;
    const { store, clock, counters } = parts.writer;
    this.#sinceMs = clock.now();
    this.writer = new CallWriter(sid, parts.writer, held, () => this.hangupAll());
    const onLetter = (id: number, letter: GatewayLetter): void => this.#take(id, letter);
    this.#box = new BoxReader({ sid, store, clock, counters, onLetter });
  }

  get liveLegs(): number {
    return [...this.#legs.values()].filter((leg) => leg.stage !== 'ended').length;
  }

  /** Everything that was said is read and written down. */
  get settled(): boolean {
    return this.#box.idle && this.writer.idle;
  }

  /** Nothing of this call is left here but its record. */
  get done(): boolean {
    return this.liveLegs === 0 && this.settled;
  }

  /** A caller's leg, not answered yet; `wait` is told when the call's owner says its first word. */
  addInbound(leg: GatewayLeg, wait: InboundWait): void {
    this.#legs.set(leg.id, leg);
    this.#wait = wait;
    this.#invitedMs = this.#parts.writer.clock.monotonic();
  }

  /** A leg of the time before a restart: it goes on, ringing or up; false when too little is known of it. */
  restore(id: LegId, stored: StoredLeg): boolean {
    const { way, stage, data, username = null } = stored;
    const leg = new GatewayLeg(id, stage === 'ended' ? 'up' : stage, way, this.#parts.writer.clock, this);
    this.#legs.set(id, leg);
    this.#usernames.set(id, username);
    leg.media = stored.media ?? null;
    const resumed = data !== null && this.#resume(leg, data, username);
    if (stage !== 'ended' && resumed) return true;
    leg.hangup();
    if (stage !== 'ended') this.writer.letter(lostLeg(id, stage));
    this.writer.dialog(id, null);
    return false;
  }

  /** A caller of the time before that nobody has answered: waited for, refused, or left to the call's owner. */
  async restoreWait(id: LegId): Promise<void> {
    const { writer, queueTimeoutMs } = this.#parts;
    const leg = this.#legs.get(id);
    const { store, queue, clock, counters } = writer;
    const call = await withDeadline(clock, STORE_DEADLINE_MS, 'Redis', store.calls.get(this.sid));
    if (leg?.stage !== 'invited') return;
    const refuse = (): void => leg.reject(503, 'Service Unavailable');
    if (call === null || isFinal(call.status)) {
      refuse();
      return;
    }
    if (call.owner !== null) return;
    const waitedMs = clock.now() - Date.parse(call.createdAt);
    const options = { clock, counters, writer: this.writer, call, refuse };
    this.#wait = new InboundWait({ ...options, queueTimeoutMs: Math.max(0, queueTimeoutMs - waitedMs) });
    // Its gateway may have died before it was queued; adding a job twice is adding it once.
    await withDeadline(clock, STORE_DEADLINE_MS, 'Redis', queue.addCall(this.sid));
  }

  /** Redis has forgotten the dialogs. */
  writeAgain(): void {
    for (const leg of this.#legs.values()) if (leg.stage !== 'ended') this.onState(leg, leg.data);
  }

  /** Reads the box and applies what is new. */
  onBell(): void {
    this.#box.ring();
  }

  /** Applies nothing more. Its legs go on: they are the next process's. Idempotent. */
  close(): void {
    this.#box.close();
  }

  isOlderThan(ms: number): boolean {
    return this.#parts.writer.clock.now() - this.#sinceMs > ms;
  }

  /** A final answer to callers that have none yet. */
  rejectUnanswered(code: number, reason: string): void {
    for (const leg of this.#legs.values()) leg.reject(code, reason);
  }

  hangupAll(): void {
    for (const leg of this.#legs.values()) leg.hangup();
  }

  onLetter(letter: CallLetter): void {
    if (letter.kind === 'answered') {
      this.#parts.writer.counters.add('answeredOutbound');
      this.#answered('inviteToAnswerOut');
    }
    if (letter.kind === 'failed') this.#parts.writer.counters.add('failedOutbound');
    this.writer.letter(letter);
  }

  onTakenBack(letter: Asked): void {
    const { leg, offer } = letter;
    if (!this.writer.withdraw(letter)) this.writer.letter({ kind: 'reoffer-over', leg, offer });
  }

  onEntry(entry: TimelineEntry): void {
    this.writer.entry(entry);
  }

  onState(leg: GatewayLeg, data: SipCallData | null): void {
    const username = this.#usernames.get(leg.id) ?? null;
    this.writer.dialog(leg.id, data === null ? null : storedLeg(leg.way, leg.stage, data, username, leg.media));
  }

  onDialFailed(leg: GatewayLeg, code: number): boolean {
    const attempts = this.#attempts.get(leg.id);
    if (!attempts || leg.progressed || !isTrunkFailure(code)) return false;
    const ringTimeoutMs = attempts.untilMs - this.#parts.writer.clock.now();
    const next = attempts.rest.shift();
    if (!next || ringTimeoutMs < SHORTEST_RING_MS) return false;
    this.#parts.writer.counters.add('trunkFailovers');
    this.writer.entry({ type: 'sip.failover', way: 'out', code });
    // After the failed call has said its last word, which would be taken for the new one's.
    queueMicrotask(() => {
      if (leg.stage === 'calling') this.#send(leg, { ...next, ringTimeoutMs });
    });
    return true;
  }

  onCallerGone(letter: CallLetter): void {
    if (this.#wait) this.#wait.callerGone(letter);
    else this.writer.letter(letter);
  }

  onMoved(from: MediaPlace, version: number): void {
    this.#parts.tellMoved(this.sid, from, version);
  }

  onEnded(leg: GatewayLeg): void {
    this.#attempts.delete(leg.id);
    this.#wait?.stop();
  }

  #resume(leg: GatewayLeg, data: SipCallData, username: string | null): boolean {
    const { ua, trunks } = this.#parts;
    const password = username === null ? null : passwordOf(trunks)(username);
    const credentials = username === null || password === null ? null : { username, password };
    try {
      leg.resume(data, (kept, delegate) => ua.restore(kept, delegate, credentials));
      return true;
    } catch (error) {
      this.#parts.log.error({ call: this.sid, err: error }, 'A dialog could not be taken up again.');
      return false;
    }
  }

  #take(id: number, letter: GatewayLetter): void {
    this.#parts.writer.counters.add('lettersFromCalls');
    this.#wait?.claimed();
    this.#wait = null;
    try {
      this.#apply(letter);
    } catch (error) {
      this.#parts.log.error({ call: this.sid, letter: letter.kind, err: error }, 'A letter could not be applied.');
      this.#legs.get(letter.leg)?.hangup();
      this.writer.letter({ kind: 'failed', leg: letter.leg, sipCode: 500, reason: 'The gateway could not do this' });
    }
    this.writer.ack(id);
  }

  #apply(letter: GatewayLetter): void {
    const leg = this.#legs.get(letter.leg);
    if (letter.kind === 'dial') {
      if (!leg) this.#dial(letter);
    } else if (letter.kind === 'find') {
      this.writer.letter({ kind: 'found', leg: letter.leg, stage: leg?.found ?? 'none' });
    } else if (leg && leg.stage !== 'ended') {
      if (letter.kind === 'answer') this.#answered('inviteToAnswerIn');
      leg.apply(letter);
    } else if (letter.kind !== 'hangup') {
      // The leg is gone, perhaps with a gateway that died: the call must not wait for it.
      this.writer.letter({ kind: 'ended', leg: letter.leg, by: 'lost', sipCode: 481 });
    }
  }

  #answered(name: 'inviteToAnswerIn' | 'inviteToAnswerOut'): void {
    if (this.#invitedMs === null) return;
    const { clock, counters } = this.#parts.writer;
    counters.time(name, clock.monotonic() - this.#invitedMs);
    this.#invitedMs = null;
  }

  #dial(letter: DialLetter): void {
    const { trunks, identity, writer } = this.#parts;
    const [first, ...rest] = dialOrders(letter, trunks, identity.address);
    if (!first) {
      const reason = letter.trunk === null ? 'No trunk takes this number' : 'There is no trunk of this name';
      this.onLetter({ kind: 'failed', leg: letter.leg, sipCode: 503, reason });
      return;
    }
    writer.counters.add('dialled');
    const leg = new GatewayLeg(letter.leg, 'calling', 'out', writer.clock, this);
    this.#legs.set(leg.id, leg);
    this.#attempts.set(leg.id, { rest, untilMs: writer.clock.now() + letter.ringTimeoutMs });
    leg.described(letter.sdp);
    this.writer.dialog(leg.id, storedLeg('out', 'calling', null, null, leg.media));
    this.#send(leg, first);
    this.#invitedMs = writer.clock.monotonic();
    if (letter.orderedAt !== undefined)
      writer.counters.time('postToInvite', writer.clock.now() - Date.parse(letter.orderedAt));
  }

  #send(leg: GatewayLeg, order: SipDial): void {
    this.#usernames.set(leg.id, order.credentials?.username ?? null);
    leg.attach(this.#parts.ua.dial(order, leg));
  }
}

/** What the call learns of a leg that a restart of the gateway cost. */
const lostLeg = (leg: LegId, stage: StoredLeg['stage']): CallLetter =>
  stage === 'calling'
    ? { kind: 'failed', leg, sipCode: 503, reason: 'The gateway was restarted' }
    : { kind: 'ended', leg, by: 'lost', sipCode: 503 };
