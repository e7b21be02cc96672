/**
 * A call without media: what a session says to its journal and its gateway over a call's life, and a gateway that
 * answers every dial at once. Everything between them is real: store, queues, boxes, bells, leases, pool.
 */
import type { CallRecord } from '../../shared/domain/call.ts';
import type { CallLetter } from '../../shared/domain/letter.ts';
import {
  type CallSid,
  FIRST_LEG,
  type GatewayId,
  newAccountSid,
  newCallSid,
  type OwnerId,
} from '../../shared/kernel/ids.ts';
import type { CallQueue } from '../../shared/queue/ports.ts';
import type { Store } from '../../shared/store/store.ts';
import type { CallPorts, CallSession } from '../../worker/call/ports.ts';

export const GATEWAY = 'gw-simulated-5060' as GatewayId;

/** As long as a real description of PCMU, G.722 and telephone-event. */
const SDP = `v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 20000 RTP/AVP 0 8 9 101\r\n${'a=rtpmap:0 PCMU/8000\r\n'.repeat(8)}`;
const account = newAccountSid();

export function simulatedCall(nowMs: number): CallRecord {
  return {
    sid: newCallSid(),
    accountSid: account,
    parentCallSid: null,
    direction: 'outbound-api',
    from: '+15550009999',
    to: '+15550100002',
    callerName: null,
    status: 'queued',
    dialect: 'pivot',
    createdAt: new Date(nowMs).toISOString(),
    ringingAt: null,
    answeredAt: null,
    endedAt: null,
    queueMs: null,
    durationMs: null,
    ending: null,
    owner: null,
    plan: {
      document: { kind: 'inline', twiml: '<Response><Pause length="3600"/></Response>' },
      fallbackUrl: null,
      statusCallback: null,
      statusCallbackMethod: 'POST',
      statusCallbackEvents: ['completed'],
      ringTimeoutMs: 60_000,
      timeLimitMs: 14_400_000,
      sendDigits: null,
      trunk: null,
      headers: {},
    },
    gateway: null,
    offer: null,
    checkpoint: null,
  };
}

export interface Told {
  onUp(): void;
  /** An owner before this one died with the call. */
  onTakenOver(): void;
}

export class SimulatedSession implements CallSession {
  readonly begun = Promise.resolve();
  readonly isOver = false;
  readonly #ports: CallPorts;
  readonly #told: Told;
  #over: () => void = () => undefined;

  constructor(ports: CallPorts, told: Told) {
    this.#ports = ports;
    this.#told = told;
  }

  run(call: CallRecord): Promise<void> {
    if (call.answeredAt === null) this.#dial(call);
    else this.#takeOver();
    return new Promise((resolve) => {
      this.#over = resolve;
    });
  }

  deliver(letter: CallLetter): void {
    const { journal, clock } = this.#ports;
    const at = new Date(clock.now()).toISOString();
    switch (letter.kind) {
      case 'ringing': {
        journal.patch({ status: 'ringing', ringingAt: at });
        return;
      }
      case 'answered': {
        journal.patch({ status: 'in-progress', answeredAt: at });
        journal.entry({ type: 'call.status', status: 'in-progress' });
        journal.entry({ type: 'verb.started', verb: 'Pause', index: 0 });
        this.#told.onUp();
        return;
      }
      case 'end': {
        this.#end(at);
        return;
      }
      default:
    }
  }

  lost(): void {
    this.#over();
  }

  broke(): void {
    this.#over();
  }

  ownerClosed(): void {
    this.#over();
  }

  #dial(call: CallRecord): void {
    const { to, from, callerName } = call;
    const { ringTimeoutMs } = call.plan;
    const letter = {
      kind: 'dial',
      leg: FIRST_LEG,
      to,
      from,
      callerName,
      trunk: null,
      headers: {},
      sdp: SDP,
      ringTimeoutMs,
    } as const;
    this.#ports.tellGateway(letter);
  }

  #takeOver(): void {
    this.#ports.tellGateway({ kind: 'reoffer', leg: FIRST_LEG, sdp: SDP });
    this.#told.onTakenOver();
  }

  #end(at: string): void {
    const { journal } = this.#ports;
    const ending = { status: 'completed', cause: 'api_completed', blame: 'api', sipCode: null, detail: null } as const;
    journal.patch({ status: 'completed', endedAt: at, ending });
    journal.entry({ type: 'call.ended', ending });
    this.#ports.tellGateway({ kind: 'hangup', leg: FIRST_LEG });
    this.#over();
  }
}

/** Answers every dial, keeps a dialog for it, and forgets it at the hang-up: what a gateway writes, without SIP. */
export class SimulatedGateway {
  readonly #store: Store;
  readonly #queue: CallQueue;
  /** What went wrong, by message. */
  readonly failures = new Map<string, number>();

  constructor(store: Store, queue: CallQueue) {
    this.#store = store;
    this.#queue = queue;
  }

  onBell(sid: CallSid): void {
    this.#read(sid).catch((error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      this.failures.set(message, (this.failures.get(message) ?? 0) + 1);
    });
  }

  async #read(sid: CallSid): Promise<void> {
    const { mailbox, dialogs } = this.#store;
    const letters = await mailbox.readForGateway(sid);
    const last = letters.at(-1);
    if (!last) return;
    for (const { letter } of letters) {
      if (letter.kind === 'dial') await this.#answer(sid);
      if (letter.kind === 'reoffer') await this.#tell(sid, { kind: 'reanswered', leg: letter.leg, sdp: SDP });
      if (letter.kind === 'hangup') await dialogs.remove(GATEWAY, sid, letter.leg);
    }
    await mailbox.ackForGateway(sid, last.id);
  }

  async #answer(sid: CallSid): Promise<void> {
    await this.#tell(sid, { kind: 'ringing', leg: FIRST_LEG, sipCode: 180, sdp: null });
    const dialog = { callId: sid, localTag: 'a'.repeat(16), remoteTag: 'b'.repeat(16), sdp: SDP, cseq: 1 };
    await this.#store.dialogs.put(GATEWAY, sid, FIRST_LEG, dialog);
    await this.#tell(sid, { kind: 'answered', leg: FIRST_LEG, sdp: SDP });
  }

  async #tell(sid: CallSid, letter: CallLetter): Promise<void> {
    const posted = await this.#store.mailbox.postToCall(sid, letter);
    if (posted.kind === 'posted' && posted.owner) await this.#queue.signal(posted.owner as OwnerId, sid);
  }
}
