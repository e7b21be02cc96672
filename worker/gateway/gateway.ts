/**
 * The gateway: SIP on one side, the boxes of calls on the other. It holds no call state that is not
 * in Redis; after a restart on the same address it goes on with its dialogs. `main.ts` makes it.
 */

import type { Trunk } from '../../shared/domain/trunk.ts';
import type { Clock, Timer } from '../../shared/kernel/clock.ts';
import { pause, withDeadline } from '../../shared/kernel/deadline.ts';
import type { AccountSid, CallSid } from '../../shared/kernel/ids.ts';
import type { Logger } from '../../shared/kernel/log.ts';
import { isFull } from '../../shared/store/room.ts';
import type { Tracer } from '../../shared/tracing/tracer.ts';
import type { SipInvitation, SipSource, SipUserAgent, SipUserAgentDelegate } from '../sip/sip-call.ts';
import { SourceGuard } from './admission.ts';
import { Counters, type CountersListener } from './counters.ts';
import { type CallParts, GatewayCall } from './gateway-call.ts';
import { Inbound } from './inbound.ts';
import { LetterSerials } from './letter-serials.ts';
import { Load } from './load.ts';
import type { GatewayIdentity, GatewayQueue, GatewayStore } from './ports.ts';
import { Pulse } from './pulse.ts';
import { Room } from './room.ts';
import { readStoredLeg } from './stored-leg.ts';
import { Sweep } from './sweep.ts';

export interface GatewayOptions {
  readonly store: GatewayStore;
  readonly queue: GatewayQueue;
  readonly clock: Clock;
  readonly log: Logger;
  readonly trunks: readonly Trunk[];
  /** Sources that may call without digest: addresses and ranges. */
  readonly allow: readonly string[];
  readonly accountSid: AccountSid;
  readonly queueTimeoutMs: number;
  /** `host:port` where this process shows its metrics. */
  readonly probe?: string | null;
  readonly counted?: CountersListener;
  readonly tellMoved?: CallParts['tellMoved'];
  readonly tracer?: Tracer | null;
}

/** What the metrics page shows of the gateway. */
export type GatewayFigures = ReturnType<Counters['read']> & {
  readonly calls: number;
  readonly legs: number;
  readonly waitingToWrite: number;
  readonly storeAway: boolean;
};

/** Calls that are done are forgotten this often. */
const TIDY_MS = 2000;
const MOST_WAITING = 100_000;
const POLL_MS = 50;
const ASK_AFTER_MS = 500;
/** What is under way has this long to be written before it is handed over. */
const HAND_OVER_MS = 3000;
const HAND_OVER_STEP_MS = 5;

export class Gateway implements SipUserAgentDelegate {
  readonly #options: GatewayOptions;
  readonly #counters: Counters;
  readonly #calls = new Map<CallSid, GatewayCall>();
  readonly #room = new Room(MOST_WAITING);
  readonly #serials = new LetterSerials();
  readonly #load = new Load(() => this.#calls.size);
  readonly #timers = new Map<string, Timer>();
  readonly #sweep: Sweep;
  #pulse: Pulse | null = null;
  #isAnnounced = false;
  #identity: GatewayIdentity | null = null;
  #parts: CallParts | null = null;
  #inbound: Inbound | null = null;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#counters = new Counters(options.counted);
    this.#sweep = new Sweep(options.store, options.clock, this.#counters);
  }

  /** Takes up the dialogs of the time before, then takes calls. Calls that come before that get 503. */
  async start(ua: SipUserAgent, identity: GatewayIdentity): Promise<void> {
    const {
      store,
      queue,
      clock,
      log,
      trunks,
      allow,
      accountSid,
      queueTimeoutMs,
      probe = null,
      tracer = null,
      tellMoved = () => {},
    } = this.#options;
    const shared = { counters: this.#counters, serials: this.#serials, room: this.#room };
    const writer = { store, queue, clock, gateway: identity.id, ...shared };
    const parts: CallParts = { writer, ua, identity, trunks, queueTimeoutMs, log, tellMoved };
    this.#identity = identity;
    this.#parts = parts;
    const guard = new SourceGuard(allow, trunks, identity.address);
    await this.#restore(parts);
    this.#pulse = new Pulse({
      clock,
      announce: () => this.#announce(identity, probe),
      onChange: (away) => this.#storeChanged(away),
    });
    await this.#pulse.beat();
    this.#inbound = new Inbound({
      store,
      queue,
      clock,
      counters: this.#counters,
      log,
      guard,
      load: this.#load,
      tracer,
      accountSid,
      queueTimeoutMs,
      call: parts,
      adopt: (call) => this.#calls.set(call.sid, call),
    });
    this.#every('tidy', TIDY_MS, () => this.#tidy());
    this.#every('sweep', 1000, () => void this.#sweep.turn(this.#calls.values()));
    ua.begin();
  }

  onInvite(invitation: SipInvitation): void {
    if (this.#inbound) void this.#inbound.invite(invitation);
    else invitation.refuse(503, 'Service Unavailable', { 'Retry-After': '1' });
  }

  onMalformed(_source: SipSource, _problem: string): void {
    this.#counters.add('malformedMessages');
  }

  /** A call of ours has letters for us. */
  onBell(sid: CallSid): void {
    this.#callOf(sid)?.onBell();
  }

  figures(): GatewayFigures {
    const legs = [...this.#calls.values()].reduce((sum, call) => sum + call.liveLegs, 0);
    return {
      ...this.#counters.read(),
      calls: this.#calls.size,
      legs,
      waitingToWrite: this.#room.used,
      storeAway: this.#load.storeAway,
    };
  }

  /**
   * Leaves its calls to the next process at this address. While workers go on, at once: callers send again what
   * nobody answered in between. When they stop as well the whole system does: then no new calls are taken, and
   * it stays until the calls are over or `withinMs` has passed.
   *
   * @param deafen stops the bell: what rings from then on is the next one's to hear.
   */
  async drain(withinMs: number, deafen: () => Promise<void>): Promise<void> {
    const isHandedOver = await this.#workersGoOn();
    if (isHandedOver) await this.#quieten(deafen);
    else await this.#seeOut(withinMs);
    this.#pulse?.stop();
    for (const timer of this.#timers.values()) timer.cancel();
    for (const call of this.#calls.values()) call.close();
    if (isHandedOver) await this.#parts?.ua.close(0);
  }

  /** Asked a moment later, so that workers told to stop at the same time have said so. */
  async #workersGoOn(): Promise<boolean> {
    const { store, clock } = this.#options;
    await pause(clock, ASK_AFTER_MS);
    const owners = await withDeadline(clock, 1000, 'Redis', store.presence.owners()).catch(() => []);
    return owners.some(({ draining }) => !draining);
  }

  /** Until what was said is read and written, or it takes too long. */
  async #quieten(deafen: () => Promise<void>): Promise<void> {
    const { clock, log } = this.#options;
    const until = clock.now() + HAND_OVER_MS;
    await withDeadline(clock, HAND_OVER_MS, 'the bell', deafen()).catch(() => undefined);
    const isBusy = (): boolean => this.#load.deciding > 0 || [...this.#calls.values()].some((call) => !call.settled);
    while (isBusy() && clock.now() < until) await pause(clock, HAND_OVER_STEP_MS);
    if (isBusy()) log.warn('Calls are handed over with something unread or unwritten.');
  }

  async #seeOut(withinMs: number): Promise<void> {
    const { store, clock } = this.#options;
    this.#load.draining = true;
    this.#pulse?.stop();
    const until = clock.now() + withinMs;
    if (this.#identity) {
      await withDeadline(clock, 1000, 'Redis', store.presence.withdrawGateway(this.#identity.id)).catch(
        () => undefined,
      );
    }
    while (clock.now() < until && [...this.#calls.values()].some((call) => !call.done)) await pause(clock, POLL_MS);
  }

  #callOf(sid: CallSid): GatewayCall | null {
    const known = this.#calls.get(sid);
    if (known || !this.#parts) return known ?? null;
    const call = new GatewayCall(sid, this.#parts, false);
    this.#calls.set(sid, call);
    return call;
  }

  async #restore(parts: CallParts): Promise<void> {
    const { store, log } = this.#options;
    const dialogs = await store.dialogs.all(parts.identity.id);
    const waits: Promise<void>[] = [];
    for (const { sid, leg, data } of dialogs) {
      const stored = readStoredLeg(data);
      const call = this.#callOf(sid);
      if (!call) continue;
      const restored = stored !== null && call.restore(leg, stored);
      if (restored && stored.stage === 'invited') waits.push(call.restoreWait(leg));
      this.#counters.add(restored ? 'dialogsRestored' : 'dialogsFailedAtRestore');
      if (!restored) call.writer.dialog(leg, null);
    }
    for (const wait of await Promise.allSettled(waits)) {
      if (wait.status === 'rejected') log.warn({ err: wait.reason }, 'A caller of before may wait without a limit.');
    }
    for (const call of this.#calls.values()) call.onBell();
    if (dialogs.length > 0) log.info({ dialogs: dialogs.length }, 'Dialogs were taken up again.');
  }

  /** An announcement that is new to a Redis we have announced ourselves to: it has forgotten everything. */
  async #announce({ id, address }: GatewayIdentity, probe: string | null): Promise<void> {
    const { presence } = this.#options.store;
    const state = { address, probe, calls: this.#calls.size };
    const [said, owners] = await Promise.all([presence.announceGateway(id, state), presence.owners()]);
    this.#load.workersFull = isFull(owners);
    const isNew = said === 'new';
    if (isNew && this.#isAnnounced) {
      this.#options.log.warn('Redis has forgotten our dialogs: they are written again.');
      for (const call of this.#calls.values()) call.writeAgain();
    }
    this.#isAnnounced = true;
  }

  #storeChanged(away: boolean): void {
    this.#load.storeAway = away;
    this.#options.log.warn({ away }, away ? 'Redis is away: new calls are refused.' : 'Redis is back.');
    // Bells may have been lost with it.
    if (!away) for (const call of this.#calls.values()) call.onBell();
  }

  #every(name: string, everyMs: number, what: () => void): void {
    const again = (): void => {
      this.#timers.set(name, this.#options.clock.after(everyMs, again));
      what();
    };
    this.#timers.set(name, this.#options.clock.after(everyMs, again));
  }

  #tidy(): void {
    for (const [sid, call] of this.#calls) if (call.done) this.#calls.delete(sid);
  }
}
