/** A started gateway between a scripted SIP stack and a world in memory, on a clock that stands still. */
import type { CallRecord } from '../../shared/domain/call.ts';
import { type CallSid, type GatewayId, newAccountSid, newCallSid, type OwnerId } from '../../shared/kernel/ids.ts';
import { silentLogger } from '../../shared/kernel/log.ts';
import { readTrunks } from '../../shared/trunks.ts';
import { Gateway, type GatewayOptions } from '../../worker/gateway/gateway.ts';
import { ManualClock } from './clock.ts';
import { GatewayWorld, settle } from './gateway-world.ts';
import { type InvitationScript, type ScriptedCall, type ScriptedInvitation, ScriptedSip } from './scripted-sip.ts';

export const OWNER = 'host-1-1-x' as OwnerId;
export const GATEWAY = 'gw-127.0.0.1-5060' as GatewayId;
export const QUEUE_TIMEOUT_MS = 60_000;

const trunks = readTrunks(
  JSON.stringify([
    { name: 'first', host: 'first.example', prefixes: ['+1'], username: 'ann', password: 'secret' },
    { name: 'second', host: 'second.example:5070', transport: 'tcp' },
  ]),
);

export class GatewayFixture {
  readonly clock = new ManualClock();
  readonly world: GatewayWorld;
  readonly sip = new ScriptedSip();
  readonly gateway: Gateway;

  constructor(world = new GatewayWorld(), options: Partial<GatewayOptions> = {}) {
    this.world = world;
    this.gateway = new Gateway({
      store: world.store,
      queue: world.queue,
      clock: this.clock,
      log: silentLogger,
      trunks,
      allow: ['127.0.0.0/8'],
      accountSid: newAccountSid(),
      queueTimeoutMs: QUEUE_TIMEOUT_MS,
      ...options,
    });
  }

  async start(): Promise<this> {
    await this.gateway.start(this.sip, { id: GATEWAY, address: '127.0.0.1:5060' });
    return this;
  }

  /** An INVITE and what became of it. */
  async invite(script: InvitationScript = {}): Promise<ScriptedInvitation> {
    const invitation = this.sip.invite(this.gateway, script);
    await settle();
    return invitation;
  }

  /** An accepted inbound call, claimed by its owner unless told otherwise. */
  async inbound(claimed = true): Promise<{ readonly sid: CallSid; readonly phone: ScriptedCall }> {
    this.world.addNumber('+15550100001');
    const invitation = await this.invite();
    const sid = this.world.jobs.at(-1);
    if (!sid || !invitation.call) throw new Error('The call was not accepted.');
    if (claimed) this.world.claim(sid, OWNER);
    return { sid, phone: invitation.call };
  }

  /** An inbound call that was answered. */
  async up(): Promise<{ readonly sid: CallSid; readonly phone: ScriptedCall }> {
    const all = await this.inbound();
    await this.say(all.sid, { kind: 'answer', leg: 'a', sdp: 'v=0 answer' });
    return all;
  }

  /** A call of ours that is dialled and has an owner. */
  async outbound(to = '+15550100009', trunk: string | null = null, sdp = 'v=0 ours'): Promise<CallSid> {
    const sid = newCallSid();
    this.world.addCall(outboundRecord(sid, to));
    this.world.claim(sid, OWNER);
    await this.say(sid, {
      kind: 'dial',
      leg: 'a',
      to,
      from: '+15550100002',
      callerName: 'Pivot',
      trunk,
      headers: { 'X-Order': '7', Subject: 'not ours to set', 'X-Bad': 'a\r\nVia: evil' },
      sdp,
      ringTimeoutMs: 60_000,
    });
    return sid;
  }

  /** The owner writes to the gateway and rings. */
  async say(sid: CallSid, letter: LooseLetter): Promise<void> {
    this.world.say(sid, letter as Parameters<GatewayWorld['say']>[1]);
    this.gateway.onBell(sid);
    await settle();
  }

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 1000) {
      this.clock.advance(Math.min(left, 1000));
      await settle();
    }
  }
}

/** A letter with its leg as a plain string. */
type LooseLetter = { readonly kind: string; readonly leg: string } & Readonly<Record<string, unknown>>;

function outboundRecord(sid: CallSid, to: string): CallRecord {
  return {
    sid,
    accountSid: newAccountSid(),
    parentCallSid: null,
    direction: 'outbound-api',
    from: '+15550100002',
    to,
    callerName: null,
    status: 'queued',
    dialect: 'pivot',
    createdAt: '2026-01-01T00:00:00.000Z',
    ringingAt: null,
    answeredAt: null,
    endedAt: null,
    queueMs: null,
    durationMs: null,
    ending: null,
    owner: null,
    plan: {
      document: { kind: 'inline', twiml: '<Response/>' },
      fallbackUrl: null,
      statusCallback: null,
      statusCallbackMethod: 'POST',
      statusCallbackEvents: [],
      ringTimeoutMs: 60_000,
      timeLimitMs: 3_600_000,
      sendDigits: null,
      trunk: null,
      headers: {},
    },
    gateway: GATEWAY,
    offer: null,
    checkpoint: null,
  };
}
