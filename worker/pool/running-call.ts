/**
 * One call of ours, from the claim to the last write: its journal, its inbox and its session.
 * Opened by the pool when BullMQ hands the job over; closes what it opened when the session is done,
 * when a newer owner exists, or when the pool gives up.
 */
import type { CallRecord } from '../../shared/domain/call.ts';
import type { Ending } from '../../shared/domain/ending.ts';
import type { CallLetter, GatewayLetter } from '../../shared/domain/letter.ts';
import type { StreamRecord } from '../../shared/domain/stream.ts';
import { withDeadline } from '../../shared/kernel/deadline.ts';
import { type Guard, guard } from '../../shared/kernel/guard.ts';
import { type Epoch, FIRST_LEG, type GatewayId } from '../../shared/kernel/ids.ts';
import type { Logger } from '../../shared/kernel/log.ts';
import type { CallChange } from '../../shared/store/store.ts';
import type { CallPorts, CallSession } from '../call/ports.ts';
import { Progress } from '../call/progress.ts';
import { platformError } from './endings.ts';
import type { GatewayBells } from './gateway-bells.ts';
import { Inbox } from './inbox.ts';
import { CallJournal } from './journal.ts';
import { Memory } from './memory.ts';
import type { CallObserver } from './observer.ts';
import type { PoolOptions } from './ports.ts';
import { untilDone } from './retry.ts';

/** What Redis does not take within this time the next owner does without. */
const RELEASE_MS = 1000;

export class RunningCall {
  readonly #options: PoolOptions;
  readonly #bells: GatewayBells;
  readonly #call: CallRecord;
  readonly #epoch: Epoch;
  readonly #log: Logger;
  readonly #journal: CallJournal;
  readonly #inbox: Inbox;
  readonly #session: CallSession;
  readonly #guard: Guard;
  readonly #observer: CallObserver;
  readonly #memory: Memory;
  #reminding: Promise<void> | null = null;
  readonly #stop = new AbortController();
  readonly #given: Promise<void>;
  #released = false;
  #giveUp: () => void = () => undefined;
  #gateway: GatewayId | null;

  constructor(options: PoolOptions, bells: GatewayBells, call: CallRecord, epoch: Epoch, gateway: GatewayId | null) {
    this.#options = options;
    this.#bells = bells;
    this.#call = call;
    this.#epoch = epoch;
    this.#gateway = call.gateway ?? gateway;
    this.#log = options.log.child({ callSid: call.sid, epoch });
    this.#given = new Promise((resolve) => {
      this.#giveUp = resolve;
    });
    const { store } = options;
    this.#guard = guard(options.clock, (error) => this.#session.broke(error));
    const { clock } = this.#guard;
    this.#observer = options.observe({ call, epoch, queueMs: this.#queueMs() });
    const onLost = (): void => this.lost();
    this.#memory = new Memory(call, epoch);
    const remind = (): Promise<void> => this.#remind();
    const shared = { sid: call.sid, epoch, clock, log: this.#log, onLost, remind };
    const onStream = (stream: StreamRecord): void => this.#memory.stream(stream);
    const onWritten = (change: CallChange): void => this.#written(change);
    this.#journal = new CallJournal({
      ...shared,
      calls: store.calls,
      streams: store.streams,
      traceparent: this.#observer.traceparent,
      onWritten,
      onStream,
    });
    this.#session = options.makeSession(this.#observer.ports(this.#ports()));
    this.#inbox = new Inbox({
      ...shared,
      mailbox: store.mailbox,
      deliver: (letter) => this.#deliver(letter),
      written: () => this.#session.begun.then(() => this.#journal.flush()),
    });
  }

  /** Resolves when the call has ended and is written down, or is no longer ours. Never rejects. */
  async run(): Promise<void> {
    // In the same turn as the session's first words, so that they are written in one step or not at all.
    this.#claimed();
    const done = this.#session.run(this.#call).catch((error: unknown) => {
      this.#log.error({ err: error }, 'a session failed');
    });
    // What was asked before we came is read first.
    this.#inbox.ring();
    await Promise.race([done, this.#given]);
    if (this.#stop.signal.aborted) return;
    if (!this.#journal.hasEnded) this.#end(platformError);
    await this.#leave();
  }

  /** Ends the call without a session: it has waited too long, or too many owners died with it. */
  async refuse(ending: Ending, letter: GatewayLetter): Promise<void> {
    this.#claimed();
    this.#end(ending, letter);
    await this.#leave();
  }

  /** There may be letters, or a newer owner: look. */
  ring(): void {
    this.#inbox.ring();
    // A courier that found Redis away has given up until it is woken.
    if (this.#options.courier.owed(this.#call.sid).length > 0) this.#options.courier.wake(this.#call.sid);
  }

  /** The process must go. */
  ownerClosed(): void {
    this.#session.ownerClosed();
  }

  /** Another worker goes on with it: what was said is written, then there is silence here. False when it is ending. */
  async release(): Promise<boolean> {
    const { clock } = this.#options;
    await withDeadline(clock, RELEASE_MS, 'last writes', this.#journal.flush()).catch(() => undefined);
    // While it says goodbye its far party may be gone: the next owner would find no dialog, and blame the carrier.
    if (this.#stop.signal.aborted || this.#session.isOver || this.#journal.hasEnded) return false;
    this.#released = true;
    this.#drop();
    this.#log.info('a call is handed over');
    return true;
  }

  /** It did not end here: it is to be given back for another worker to take. */
  get released(): boolean {
    return this.#released;
  }

  /** A newer owner exists, or nobody waits for us any longer: silence. Idempotent. */
  lost(): void {
    if (this.#stop.signal.aborted) return;
    // The newer owner may have died, and the job come back to us: whoever claims the call next sees whether it has ended.
    this.#released = true;
    this.#drop();
    this.#log.warn('a call is no longer ours');
  }

  #drop(): void {
    this.#close();
    this.#bells.forget(this.#call.sid);
    this.#session.lost();
    // What is owed is the next owner's to deliver.
    this.#options.courier.leave(this.#call.sid).catch((error: unknown) => {
      this.#log.error({ err: error }, 'a courier did not leave its call');
    });
  }

  #close(): void {
    if (this.#stop.signal.aborted) return;
    this.#observer.closed();
    this.#stop.abort(new Error('the call is closed'));
    this.#inbox.close();
    this.#journal.close();
    this.#giveUp();
  }

  #claimed(): void {
    const epoch = this.#epoch;
    // An owner before us may have left something owed.
    if (epoch > 1) this.#options.courier.wake(this.#call.sid);
    const queueMs = this.#queueMs();
    const owner = this.#options.owner;
    const patch = this.#call.queueMs === null ? { queueMs } : {};
    this.#journal.patch(this.#gateway === this.#call.gateway ? patch : { ...patch, gateway: this.#gateway });
    this.#journal.entry({ type: 'call.claimed', owner, epoch, queueMs });
  }

  #queueMs(): number {
    const waited = this.#options.clock.now() - Date.parse(this.#call.createdAt);
    return this.#call.queueMs ?? Math.max(0, waited);
  }

  #ports(): CallPorts {
    const { shared, makeLeg, newFetcher, newStreams } = this.#options;
    const callSid = this.#call.sid;
    const post = (letter: GatewayLetter): void => this.#post(letter);
    const { clock } = this.#guard;
    return {
      ...shared,
      fetcher: newFetcher(this.#call.checkpoint?.cookies),
      clock,
      log: this.#log,
      journal: this.#journal,
      tellGateway: post,
      makeLeg: (id, offer, delegate) =>
        makeLeg({
          callSid,
          id,
          offer,
          delegate,
          post,
          written: () => this.#journal.flush(),
          onMoved: () => this.lost(),
          clock,
          log: this.#log,
        }),
      openStream: newStreams(this.#guard),
    };
  }

  #deliver(letter: CallLetter): void {
    try {
      this.#session.deliver(letter);
    } catch (error) {
      this.#session.broke(error);
    }
  }

  #post(letter: GatewayLetter): void {
    if (this.#gateway !== null) {
      this.#journal.letter(letter);
      return;
    }
    if (letter.kind !== 'dial') return;
    // Answered a turn later, as a gateway would: the leg is still in the middle of dialling.
    queueMicrotask(() => {
      if (this.#stop.signal.aborted) return;
      this.#deliver({ kind: 'failed', leg: letter.leg, sipCode: 503, reason: 'No gateway' });
    });
  }

  /** Redis has forgotten the call, as when it was restarted empty: it is written again, once for all who noticed. */
  #remind(): Promise<void> {
    this.#reminding ??= this.#restore().finally(() => {
      this.#reminding = null;
    });
    return this.#reminding;
  }

  async #restore(): Promise<void> {
    const { clock, store, courier } = this.#options;
    const memory = this.#memory.recall(courier.owed(this.#call.sid));
    if ((await untilDone(clock, this.#stop.signal, () => store.calls.restore(memory))) === 'lost') {
      this.lost();
      return;
    }
    this.#log.warn('Redis had forgotten a call: it is written again');
    this.#journal.entry({ type: 'call.restored' });
    if (memory.callbacks.length > 0) courier.wake(this.#call.sid);
  }

  #written(change: CallChange): void {
    this.#observer.written(change);
    this.#memory.written(change);
    if (change.letters && this.#gateway !== null) this.#bells.ring(this.#call.sid, this.#gateway);
    if (change.callbacks) this.#options.courier.wake(this.#call.sid, change.callbacks);
  }

  #end(ending: Ending, letter: GatewayLetter = { kind: 'hangup', leg: FIRST_LEG }): void {
    new Progress(this.#call, this.#journal, this.#options.clock).ended(ending);
    if (this.#gateway !== null) this.#journal.letter(letter);
  }

  /** It is over: written down, if it is still ours. */
  async #leave(): Promise<void> {
    await Promise.race([this.#journal.flush(), this.#given]);
    await this.#settle();
    if (!this.#stop.signal.aborted) this.#bells.over(this.#call.sid);
    this.#close();
  }

  /** What is still owed is somebody's to deliver. */
  async #settle(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    const { courier, queue, clock } = this.#options;
    const { sid } = this.#call;
    try {
      if ((await courier.leave(sid)) === 'empty') return;
      // As long as this waits for Redis the job is ours, and when we die with it the next one sees to it.
      await untilDone(clock, this.#stop.signal, () => queue.addCallbacks(sid));
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#log.error({ err: error }, 'callbacks of an ended call were left behind');
    }
  }
}
