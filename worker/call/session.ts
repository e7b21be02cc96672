/**
 * A running call: performs what the machine says, and turns what the world does into its events.
 * It owns the leg and the streams and closes them. Only `#over` ends a call; everybody else asks
 * (PROTOCOL §1, §3.3, §6). The pool makes one for each job and runs it once.
 */
import type { CallRecord, Checkpoint } from '../../shared/domain/call.ts';
import type { Ending } from '../../shared/domain/ending.ts';
import type { CallLetter } from '../../shared/domain/letter.ts';
import type { Timer } from '../../shared/kernel/clock.ts';
import { unlessAborted } from '../../shared/kernel/deadline.ts';
import { redactDigits } from '../../shared/kernel/redact.ts';
import type { DialOrder, LegDelegate } from '../leg/leg.ts';
import { NOT_BEGUN } from './checkpoint.ts';
import { type Deferred, deferred } from './deferred.ts';
import { type Cause, endingOf, refusalOf } from './ending.ts';
import { farParty } from './far-party.ts';
import { Keys } from './keys.ts';
import { LeftStreams } from './left-streams.ts';
import { endWithoutLeg, flush, windUp } from './letting-go.ts';
import { limitOf } from './limits.ts';
import { type CallEffect, type CallEvent, type CallState, IDLE, isOver, next } from './machine.ts';
import { assemble, type Parts } from './parts.ts';
import type { CallPorts, CallSession } from './ports.ts';

/** Keys of the API and of apps that may wait: a key takes 180 ms. */
const MOST_KEYS = 256;

export class Session implements CallSession {
  readonly #ports: CallPorts;
  readonly #keys = new Keys();
  readonly #begun: Deferred<void> = deferred();
  readonly #done: Deferred<void> = deferred();
  readonly #up: Deferred<void> = deferred();
  /** Letters that came before the call had begun here. */
  readonly #early: CallLetter[] = [];
  #parts: Parts | null = null;
  #state: CallState = IDLE;
  #timer: Timer | null = null;
  /** Aborted when the call is over, for what is not part of a document. */
  readonly #life = new AbortController();
  #documentDone: Promise<void> = Promise.resolve();
  readonly #left = new LeftStreams();

  constructor(ports: CallPorts) {
    this.#ports = ports;
  }

  get begun(): Promise<void> {
    return this.#begun.promise;
  }

  get isOver(): boolean {
    return isOver(this.#state);
  }

  async run(call: CallRecord): Promise<void> {
    if (this.#state.at === 'left') return;
    try {
      this.#parts = this.#assemble(call);
      if (wasBegun(call)) await this.#findLeft();
      this.#begin(call);
      for (const letter of this.#early.splice(0)) this.deliver(letter);
      this.#begun.resolve();
    } catch (error) {
      this.#ports.log.error({ err: error, call: call.sid }, 'the call could not be begun');
      this.#endWithoutParts(call);
    }
    await this.#done.promise;
  }

  deliver(letter: CallLetter): void {
    if (this.#parts === null || this.#state.at === 'idle') {
      this.#early.push(letter);
      return;
    }
    if ('leg' in letter) this.#parts.leg.deliver(letter);
    else this.#obey(letter, this.#parts);
  }

  lost(): void {
    this.#apply({ event: 'left' });
  }

  broke(error: unknown): void {
    this.#ports.log.error({ err: error }, 'a call broke');
    try {
      this.#over('internal_error');
    } catch (another) {
      this.#abandon(another);
    }
  }

  ownerClosed(): void {
    this.#over('owner_closed');
  }

  /** What the API asks. */
  #obey(letter: Exclude<CallLetter, { leg: unknown }>, { streams, interpreter }: Parts): void {
    if (isOver(this.#state) || this.#left.keeps(letter)) return;
    switch (letter.kind) {
      case 'end':
        this.#over(letter.status === 'canceled' ? 'api_canceled' : 'api_completed');
        break;
      case 'replace':
        interpreter.replace(letter.document);
        break;
      case 'press':
        this.#pressForApi(letter.digits);
        break;
      case 'stream-start':
        this.#background(streams.openClaimed(letter.stream));
        break;
      case 'stream-stop':
        this.#background(streams.stopClaimed(letter.stream));
        break;
      case 'stream-update':
        this.#background(streams.updateClaimed(letter));
        break;
    }
  }

  #assemble(call: CallRecord): Parts {
    return assemble(call, this.#ports, {
      keys: this.#keys,
      delegate: this.#delegate(call),
      ending: (cause, detail) => this.#ending(cause, null, detail ?? null),
      answer: (signal) => this.#answer(signal),
      press: (digits) => this.#pressIfRoom(digits, 'stream'),
      hangup: () => this.#over('stream_hangup'),
    });
  }

  /** A call somebody else had begun goes on from its checkpoint when it is up, else from where its far party is. */
  #begin(call: CallRecord): void {
    if (wasBegun(call)) this.#apply({ event: 'reclaimed', answered: call.answeredAt !== null });
    else this.#apply({ event: 'began', inbound: call.direction === 'inbound' });
  }

  async #findLeft(): Promise<void> {
    await this.#left.load(this.#ports.journal).catch((error: unknown) => {
      this.#ports.log.error({ err: error }, 'the streams of the owner before could not be read');
    });
  }

  #delegate({ direction }: CallRecord): LegDelegate {
    return farParty(direction, {
      rang: () => this.#apply({ event: 'rang' }),
      answered: () => this.#apply({ event: 'answered' }),
      found: (stage) => {
        const inbound = direction === 'inbound';
        if (inbound && stage === 'none') this.#over('dialog_lost');
        else this.#apply({ event: 'found', stage, inbound });
      },
      isInvitation: () => this.#state.at === 'ringing-in',
      isTakingOver: () => this.#state.at === 'taking-over',
      broke: (error) => this.broke(error),
      over: (cause, farGone, sipCode, detail) => this.#overAs(this.#ending(cause, sipCode, detail), farGone),
      digit: (digit, entry) => {
        if (isOver(this.#state)) return;
        this.#ports.journal.entry(entry);
        this.#parts?.streams.digit(digit);
        this.#keys.press(digit);
      },
      entry: (entry) => this.#ports.journal.entry(entry),
    });
  }

  #apply(event: CallEvent): void {
    const { state, effects } = next(this.#state, event);
    this.#state = state;
    for (const effect of effects) {
      if (effect === 'drop') this.#drop();
      else if (this.#parts !== null) this.#perform(effect, this.#parts);
    }
  }

  #perform(effect: Exclude<CallEffect, 'drop'>, parts: Parts): void {
    const { call, leg, progress } = parts;
    this.#limit(effect, call);
    switch (effect) {
      case 'dial':
        leg.dial(dialOrder(call));
        break;
      case 'ring':
        leg.ring();
        break;
      case 'answer':
        leg.answer();
        break;
      case 'tell-initiated':
        progress.initiated();
        break;
      case 'tell-ringing':
        progress.ringing();
        break;
      case 'tell-answered':
        progress.up();
        this.#up.resolve();
        break;
      case 'run-document':
        this.#documentDone = this.#runDocument(parts, notBegun(call.checkpoint));
        break;
      case 'find':
        leg.find();
        break;
      case 'join':
        leg.join();
        break;
      case 'take-over':
        leg.takeOver();
        break;
      case 'resume':
        this.#background(this.#resume(parts));
        break;
      case 'hangup':
        leg.hangup();
        break;
      case 'refuse':
        this.#refuse(parts);
        break;
      case 'wind-up':
        this.#windUp(parts).catch((error: unknown) => this.#abandon(error));
        break;
      case 'tell-ended':
        if (this.#state.at === 'ended') progress.ended(this.#state.ending);
        break;
    }
  }

  /** Streams first, so that they hear the verb that is repeated. */
  async #resume(parts: Parts): Promise<void> {
    const { call, progress } = parts;
    // Answered, and its owner died before it could say so.
    if (!progress.answered) progress.up();
    this.#left.reopen(parts.streams);
    this.#up.resolve();
    this.#documentDone = this.#runDocument(parts, call.checkpoint);
  }

  /** Digits first, then the document; its end is the call's. `from`: where an owner before us was; digits were its. */
  async #runDocument({ call, leg, interpreter }: Parts, from: Checkpoint | null = null): Promise<void> {
    try {
      const { sendDigits, document } = call.plan;
      const isFirst = call.answeredAt === null;
      if (isFirst && sendDigits !== null && call.direction !== 'inbound')
        await this.#press(sendDigits, 'document', leg);
      this.#overAs(await interpreter.run(document, from), false);
    } catch (error) {
      this.broke(error);
    }
  }

  async #answer(signal: AbortSignal): Promise<void> {
    this.#apply({ event: 'answer' });
    await unlessAborted(signal, this.#up.promise);
  }

  #pressForApi(digits: string): void {
    if (this.#pressIfRoom(digits, 'api')) return;
    const detail = 'too many digits wait to be pressed';
    this.#ports.journal.entry({ type: 'dtmf.failed', digits: redactDigits(digits), by: 'api', detail });
  }

  /** For those who need not wait until it is done, and could ask for more without end. */
  #pressIfRoom(digits: string, by: 'api' | 'stream'): boolean {
    const waiting = this.#parts?.leg.keysWaiting ?? 0;
    if (waiting + digits.length > MOST_KEYS) return false;
    this.#background(this.#press(digits, by));
    return true;
  }

  async #press(digits: string, by: 'document' | 'api' | 'stream', leg = this.#parts?.leg): Promise<void> {
    if (leg === undefined || isOver(this.#state)) return;
    this.#ports.journal.entry({ type: 'dtmf.sent', digits: redactDigits(digits), by });
    // A press that is cut off by the end of the call is nobody's failure.
    await leg.press(digits, this.#life.signal).catch(() => {});
  }

  #over(cause: Cause): void {
    this.#overAs(this.#ending(cause, null, null), false);
  }

  #overAs(ending: Ending, farGone: boolean): void {
    this.#apply({ event: 'over', ending, farGone });
  }

  #ending(cause: Cause, sipCode: number | null, detail: string | null): Ending {
    const answered = this.#parts?.progress.answered ?? false;
    const direction = this.#parts?.call.direction ?? 'inbound';
    return endingOf(cause, { answered, direction, sipCode, detail });
  }

  #refuse({ call, leg }: Parts): void {
    if (this.#state.at !== 'ending') return;
    const { sipCode, reason } = refusalOf(this.#state.ending, call.dialect);
    leg.reject(sipCode, reason);
  }

  async #windUp(parts: Parts): Promise<void> {
    if (this.#state.at !== 'ending') return;
    this.#timer?.cancel();
    this.#life.abort();
    const held = { parts, left: this.#left, documentDone: this.#documentDone };
    await windUp(held, this.#state.ending, this.#ports);
    this.#apply({ event: 'settled' });
    await this.#finish();
  }

  async #finish(): Promise<void> {
    await flush(this.#ports);
    this.#done.resolve();
  }

  #drop(): void {
    const parts = this.#parts;
    this.#timer?.cancel();
    this.#life.abort();
    try {
      parts?.interpreter.interrupt({ kind: 'end', ending: this.#ending('owner_lost', null, null) });
      parts?.streams.lost();
    } finally {
      this.#done.resolve();
      parts?.leg.close();
    }
  }

  /** What breaks cannot even end in order: silence, and the pool says that it is over. */
  #abandon(error: unknown): void {
    const { log } = this.#ports;
    log.error({ err: error }, 'a call that broke could not be ended in order');
    try {
      this.#drop();
    } catch (another) {
      log.error({ err: another }, 'a call that broke did not let go of everything');
    }
  }

  #endWithoutParts(call: CallRecord): void {
    if (this.#parts !== null) {
      this.#over('internal_error');
      return;
    }
    endWithoutLeg(call, this.#ports);
    this.#background(this.#finish());
  }

  #limit(effect: CallEffect, call: CallRecord): void {
    const { clock } = this.#ports;
    const limit = limitOf(effect, call, clock.now());
    if (limit === null) return;
    this.#timer?.cancel();
    this.#timer = clock.after(limit.afterMs, () => this.#over(limit.cause));
  }

  #background(work: Promise<void>): void {
    work.catch((error: unknown) => this.broke(error));
  }
}

/** Of a call that is not up yet: a document that was put in the place of its first one. */
const notBegun = (from: Checkpoint | null): Checkpoint | null => (from?.verb === NOT_BEGUN ? from : null);

function dialOrder({ to, from, callerName, plan, createdAt }: CallRecord): DialOrder {
  const { trunk, headers, ringTimeoutMs } = plan;
  return { to, from, callerName, trunk, headers, ringTimeoutMs, orderedAt: createdAt };
}

/** Whether an owner before this one had begun the call: what it has said first is written in one step with its gateway. */
function wasBegun({ status, direction, gateway }: CallRecord): boolean {
  return status !== 'queued' || (direction !== 'inbound' && gateway !== null);
}
