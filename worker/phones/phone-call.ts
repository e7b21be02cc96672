/**
 * One call of a phone, to be scripted: every step is a method, everything that happens resolves a promise
 * or is told to one listener. The phone owns it; it closes itself when the call is over.
 */
import { LegMedia, type LegMediaOptions } from '../leg/leg-media.ts';
import { Negotiation } from '../leg/negotiation.ts';
import type { Direction } from '../leg/sdp.ts';
import type { RtpFigures } from '../rtp/session.ts';
import type { SipCall, SipCallDelegate, SipInvitation } from '../sip/sip-call.ts';
import { CallFailed, type PhoneEnding, type PhoneEvent } from './phone-event.ts';
import { Recording } from './recording.ts';

type Stage = 'new' | 'calling' | 'invited' | 'up' | 'ended';

export interface PhoneCallParts {
  readonly media: LegMediaOptions;
  readonly onEvent: ((event: PhoneEvent, call: PhoneCall) => void) | null;
  /** The phone forgets the call. */
  readonly onGone: (call: PhoneCall) => void;
}

export class PhoneCall {
  /** Resolves when the call is up; rejects with `CallFailed`. */
  readonly answered: Promise<void>;
  /** Resolves when the call is over; never rejects. */
  readonly ended: Promise<PhoneEnding>;
  /** Digits heard so far. */
  digits = '';
  /** The INVITE of an inbound call. */
  readonly invitation: SipInvitation | null;
  readonly media: LegMedia;
  readonly #negotiation: Negotiation;
  readonly #parts: PhoneCallParts;
  readonly #ending = new AbortController();
  #sip: SipCall | null = null;
  #stage: Stage = 'new';
  #lateOffer = false;
  #sdpAnswer: string | null = null;
  #direction: Direction = 'sendrecv';
  #nextOffer: (() => string) | null = null;
  #resolveAnswered: () => void = () => {};
  #rejectAnswered: (error: Error) => void = () => {};
  #resolveEnded: (ending: PhoneEnding) => void = () => {};

  constructor(invitation: SipInvitation | null, parts: PhoneCallParts) {
    this.invitation = invitation;
    this.#parts = parts;
    this.answered = new Promise((resolve, reject) => {
      this.#resolveAnswered = resolve;
      this.#rejectAnswered = reject;
    });
    this.answered.catch(() => {});
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.media = new LegMedia(parts.media, {
      onDigit: (digit, by, durationMs) => this.#onDigit(digit, by, durationMs),
      onEntry: (entry) => this.#tell(entry),
      onTimeout: () => this.#endOurselves({ by: 'silence', code: null, reason: 'Nothing was heard any more' }),
      onBug: () => this.#endOurselves({ by: 'us', code: null, reason: 'A bug in the sound' }),
    });
    this.#negotiation = new Negotiation(this.media);
  }

  get state(): Stage {
    return this.#stage;
  }

  /** Aborts when the call is over: give it to everything that waits. */
  get over(): AbortSignal {
    return this.#ending.signal;
  }

  get figures(): RtpFigures | null {
    return this.media.figures;
  }

  /** Sends the INVITE; `dial` is the user agent's. */
  async begin(dial: (sdp: string | null, delegate: SipCallDelegate) => SipCall, lateOffer: boolean): Promise<void> {
    this.#stage = 'calling';
    await this.media.open();
    if (this.#isOver()) return;
    this.#lateOffer = lateOffer;
    this.#sip = dial(lateOffer ? null : this.#negotiation.offer(this.#direction), this.#delegate());
  }

  /** Takes an INVITE: nothing is sent yet but 100. */
  take(invitation: SipInvitation): void {
    this.#stage = 'invited';
    this.#sip = invitation.accept(this.#delegate());
  }

  /** 180. */
  ring(): void {
    if (this.#stage === 'invited') this.#sip?.ring(180, null);
  }

  /** 183 with a description: what is played is heard before the answer. */
  async ringWithSound(): Promise<void> {
    const sdp = await this.#describe();
    if (sdp !== null && this.#stage === 'invited') this.#sip?.ring(183, sdp);
  }

  /** Sends RTP before anything was answered or announced. */
  async soundEarly(): Promise<void> {
    await this.#describe();
  }

  /** 200. */
  async answer(): Promise<void> {
    const sdp = await this.#describe();
    if (sdp === null || this.#stage !== 'invited') return;
    this.#stage = 'up';
    this.#sip?.answer(sdp);
    if (!this.#negotiation.pending) this.#up();
  }

  /** A final refusal. */
  reject(code: number, reason: string): void {
    if (this.#stage !== 'invited') return;
    this.#sip?.reject(code, reason);
    this.#finish({ by: 'us', code, reason });
  }

  /** BYE, CANCEL or refusal, as the state asks for. Idempotent. */
  hangup(): void {
    this.#endOurselves({ by: 'us', code: null, reason: 'Hung up' });
  }

  /** Queues sound; resolves when it was played, or the call is over. */
  play(samples: Int16Array): Promise<void> {
    for (let from = 0; from < samples.length; ) {
      const taken = this.media.playout.enqueue(samples.subarray(from));
      if (taken === 0) break;
      from += taken;
    }
    return new Promise((resolve) => {
      const done = (): void => {
        this.over.removeEventListener('abort', done);
        resolve();
      };
      if (this.#isOver()) {
        resolve();
        return;
      }
      this.over.addEventListener('abort', done, { once: true });
      this.media.playout.mark(done);
    });
  }

  /** Presses digits; `w` and `W` wait. Rejects when the call ends meanwhile. */
  press(digits: string): Promise<void> {
    return this.media.press(digits, this.over);
  }

  /** Presses one digit by SIP INFO. */
  pressByInfo(digit: string): void {
    this.#sip?.info('application/dtmf-relay', `Signal=${digit}\r\nDuration=160\r\n`);
  }

  /** Plays back what is heard; answers with the end of it. */
  echo(): () => void {
    const { playout } = this.media;
    return this.media.tee.add({ beat: (_beat, inbound) => void playout.enqueue(inbound.samples) });
  }

  /** Keeps what is heard from now on. */
  record(): Recording {
    return new Recording(this.media.tee);
  }

  hold(): void {
    this.#redirect('sendonly');
  }

  resume(): void {
    this.#redirect('sendrecv');
  }

  /** Says that our sound is elsewhere from now on: whoever is there hears it and may speak. */
  move(address: string, port: number): void {
    this.#reoffer(() => this.#negotiation.offerElsewhere(address, port, this.#direction));
  }

  #redirect(direction: Direction): void {
    if (this.#stage === 'up') this.#direction = direction;
    this.#reoffer(() => this.#negotiation.offer(direction));
  }

  /** One offer at a time: an answer means nothing but with its own. Of those that wait the newest says it all. */
  #reoffer(offer: () => string): void {
    if (this.#stage !== 'up') return;
    if (this.#negotiation.pending) this.#nextOffer = offer;
    else this.#sip?.reoffer(offer());
  }

  /** Ours was answered or refused: the one that waited for it. */
  #onSettled(): void {
    const offer = this.#nextOffer;
    this.#nextOffer = null;
    if (offer !== null) this.#reoffer(offer);
  }

  #isOver(): boolean {
    return this.#stage === 'ended';
  }

  /** Our description for an inbound call, made once; sound flows from then on. Null when there is none to make. */
  async #describe(): Promise<string | null> {
    if (this.#stage !== 'invited') return null;
    await this.media.open();
    if (this.#stage !== 'invited') return null;
    if (this.#sdpAnswer !== null) return this.#sdpAnswer;
    const offer = this.invitation?.sdp ?? null;
    if (offer === null) {
      this.#sdpAnswer = this.#negotiation.offer(this.#direction);
      return this.#sdpAnswer;
    }
    const result = this.#negotiation.answer(offer);
    if (!result.ok) {
      this.reject(result.sipCode, result.reason);
      return null;
    }
    this.media.start();
    this.#sdpAnswer = result.sdp;
    return result.sdp;
  }

  #delegate(): SipCallDelegate {
    return {
      onProgress: (code, _reason, sdp) => {
        if (sdp !== null) this.#negotiation.acceptEarly(sdp);
        this.#tell({ type: 'ringing', code, earlyMedia: sdp !== null });
      },
      onAnswered: (sdp) => this.#onAnswered(sdp),
      onFailed: (code, reason) => this.#finish({ by: 'failed', code, reason }),
      onAcked: (sdp) => {
        if (sdp !== null && this.#negotiation.accept(sdp)?.ok) this.#up();
        this.#onSettled();
      },
      onEnded: (by, code) => this.#finish({ by, code, reason: by === 'bye' ? 'The other side hung up' : by }),
      onReoffer: (sdp) => this.#onReoffer(sdp),
      // Theirs is decided as it comes.
      onReofferOver: () => {},
      onReanswered: (sdp) => {
        this.#settle(sdp);
        this.#onSettled();
      },
      onReofferFailed: () => {
        this.#negotiation.withdraw();
        this.#onSettled();
      },
      onInfo: (_type, body) => {
        const digit = /Signal\s*=\s*([0-9A-D*#])/i.exec(body)?.[1] ?? /^\s*([0-9A-D*#])\s*$/i.exec(body)?.[1];
        if (digit !== undefined) this.#onDigit(digit, 'info', 160);
      },
      onData: () => {},
    };
  }

  #onAnswered(sdp: string | null): void {
    if (this.#stage !== 'calling') return;
    this.#stage = 'up';
    const agreed = this.#lateOffer ? this.#answerLate(sdp) : this.#agree(sdp);
    if (!agreed) {
      this.#endOurselves({ by: 'us', code: 488, reason: 'Nothing to say to each other' });
      return;
    }
    this.#up();
  }

  /** The 200 carried their offer: our answer goes into the ACK. */
  #answerLate(sdp: string | null): boolean {
    const result = sdp === null ? null : this.#negotiation.answer(sdp);
    if (result === null || !result.ok) return false;
    this.media.start();
    this.#sip?.answer(result.sdp);
    return true;
  }

  #onReoffer(sdp: string | null): void {
    if (sdp === null) {
      this.#sip?.answerReoffer(this.#negotiation.offer(this.#direction));
      return;
    }
    const result = this.#negotiation.answer(sdp, this.#direction);
    if (result.ok) this.#sip?.answerReoffer(result.sdp);
    else this.#sip?.refuseReoffer(result.sipCode, result.reason);
  }

  /** The 200 of our offer; without a description, or after another answer, the sound is agreed on already. */
  #agree(sdp: string | null): boolean {
    return this.#settle(sdp)?.ok ?? true;
  }

  /** The last word on our offer: an answer, or none beyond what came before it. */
  #settle(sdp: string | null): ReturnType<Negotiation['accept']> {
    if (sdp !== null) return this.#negotiation.accept(sdp);
    this.#negotiation.withdraw();
    return null;
  }

  #up(): void {
    this.media.watch();
    this.#tell({ type: 'answered' });
    this.#resolveAnswered();
  }

  #onDigit(digit: string, by: 'rfc4733' | 'tone' | 'info', durationMs: number): void {
    this.digits += digit;
    this.#tell({ type: 'digit', digit, by, durationMs });
  }

  #endOurselves(ending: PhoneEnding): void {
    if (this.#isOver()) return;
    this.#sip?.hangup();
    this.#finish(ending);
  }

  #finish(ending: PhoneEnding): void {
    if (this.#isOver()) return;
    this.#stage = 'ended';
    this.media.close();
    this.#tell({ type: 'ended', ending });
    this.#ending.abort(new CallFailed(ending));
    this.#rejectAnswered(new CallFailed(ending));
    this.#resolveEnded(ending);
    this.#parts.onGone(this);
  }

  #tell(event: PhoneEvent): void {
    this.#parts.onEvent?.(event, this);
  }
}
