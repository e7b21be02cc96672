/**
 * A phone that speaks real SIP and RTP and does what a script says: the caller of the tests, the
 * subscriber of the phone bank, and `pivot-streams phone` in the shell. Whoever opens it closes it.
 */
import { type Clock, systemClock } from '../../shared/kernel/clock.ts';
import { withDeadline } from '../../shared/kernel/deadline.ts';
import { type Logger, silentLogger } from '../../shared/kernel/log.ts';
import type { AudioName } from '../leg/sdp.ts';
import type { BeatSource } from '../media/beat.ts';
import { Metronome } from '../media/metronome.ts';
import { PortPool } from '../rtp/ports.ts';
import type { SipInvitation, SipTransport, SipUserAgent } from '../sip/sip-call.ts';
import { openPhoneAgent, type PhoneFlaw } from './agent.ts';
import { PhoneCall } from './phone-call.ts';
import type { PhoneEvent } from './phone-event.ts';

export interface PhoneOptions {
  /** Address for SIP and RTP; default 127.0.0.1. */
  readonly host?: string;
  /** SIP port, UDP and TCP; 0 (default) for a free one. */
  readonly port?: number;
  /** The user part of our own address. */
  readonly number?: string;
  readonly clock?: Clock;
  readonly log?: Logger;
  /** Shared by many phones, when given; else the phone has its own. */
  readonly beatSource?: BeatSource;
  readonly ports?: PortPool;
  /** In order of preference. */
  readonly codecs?: readonly AudioName[];
  readonly telephoneEvent?: boolean;
  /** Codecs and telephone-event by the called number, for a bank of many phones behind one address. */
  readonly kindOf?: (called: string) => { readonly codecs: readonly AudioName[]; readonly telephoneEvent: boolean };
  /** 0 (default) for never. */
  readonly mediaTimeoutMs?: number;
  /** Whom inbound calls must prove to be, as a trunk would ask. */
  readonly challenge?: { readonly realm: string; readonly passwordOf: (username: string) => string | null };
  /** A broken phone. */
  readonly flaw?: PhoneFlaw;
  /** Told of each inbound call; without it calls wait for `waitForCall`. */
  readonly onCall?: (call: PhoneCall) => void;
  readonly onEvent?: (event: PhoneEvent, call: PhoneCall) => void;
}

export interface CallOptions {
  readonly transport?: SipTransport;
  /** Where to send it when not where the URI points: `host:port`. */
  readonly via?: string;
  readonly credentials?: { readonly username: string; readonly password: string };
  readonly headers?: Readonly<Record<string, string>>;
  readonly callerName?: string;
  readonly ringTimeoutMs?: number;
  /** INVITE without a description; the answer is given in the ACK. */
  readonly lateOffer?: boolean;
}

/** Inbound calls that nobody has taken yet. */
const MAX_WAITING = 1000;

export async function openPhone(options: PhoneOptions = {}): Promise<Phone> {
  const clock = options.clock ?? systemClock;
  const log = options.log ?? silentLogger;
  const phone = new Phone(options, clock, log);
  await phone.open();
  return phone;
}

export class Phone {
  readonly #options: PhoneOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #calls = new Set<PhoneCall>();
  readonly #waiting: PhoneCall[] = [];
  readonly #takers: ((call: PhoneCall) => void)[] = [];
  readonly #ports: PortPool;
  readonly #beatSource: BeatSource;
  #agent: SipUserAgent | null = null;
  #metronome: Metronome | null = null;

  constructor(options: PhoneOptions, clock: Clock, log: Logger) {
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
    this.#ports = options.ports ?? new PortPool({ low: 41_000, high: 60_999 }, clock);
    if (options.beatSource) {
      this.#beatSource = options.beatSource;
    } else {
      this.#metronome = new Metronome({ clock, report: (error) => log.error({ err: error }, 'a beat failed') });
      this.#beatSource = this.#metronome;
    }
  }

  /** Calls that are not over. */
  get active(): number {
    return this.#calls.size;
  }

  /** Where the phone is: `host` and the real port. */
  get address(): { readonly host: string; readonly port: number } {
    return this.#agent?.address ?? { host: this.#host, port: 0 };
  }

  /** The URI others call this phone by. */
  get uri(): string {
    return `sip:${this.#options.number ?? 'phone'}@${this.address.host}:${this.address.port}`;
  }

  async open(): Promise<void> {
    const { port = 0, flaw = null } = this.#options;
    this.#agent = await openPhoneAgent(
      { host: this.#host, port, publicAddress: null, product: 'Pivot Phone' },
      { onInvite: (invitation) => this.#onInvite(invitation) },
      this.#clock,
      this.#log,
      flaw,
    );
  }

  /** Calls a SIP URI. The INVITE is on its way when the promise resolves. @throws PortsFull */
  async call(uri: string, options: CallOptions = {}): Promise<PhoneCall> {
    const agent = this.#agent;
    if (agent === null) throw new Error('The phone is closed');
    const call = this.#newCall(null);
    const number = this.#options.number ?? 'phone';
    try {
      await call.begin(
        (sdp, delegate) =>
          agent.dial(
            {
              uri,
              from: { uri: `sip:${number}@${this.address.host}`, displayName: options.callerName ?? null },
              via: options.via ?? null,
              transport: options.transport ?? 'udp',
              credentials: options.credentials ?? null,
              headers: options.headers ?? {},
              sdp,
              ringTimeoutMs: options.ringTimeoutMs ?? 60_000,
            },
            delegate,
          ),
        options.lateOffer ?? false,
      );
    } catch (error) {
      call.hangup();
      throw error;
    }
    return call;
  }

  /** The next inbound call, in the order of arrival. @throws DeadlineExceeded */
  waitForCall(withinMs = 10_000): Promise<PhoneCall> {
    const waiting = this.#waiting.shift();
    if (waiting) return Promise.resolve(waiting);
    let taker: (call: PhoneCall) => void = () => {};
    const coming = new Promise<PhoneCall>((resolve) => {
      taker = resolve;
      this.#takers.push(taker);
    });
    return withDeadline(this.#clock, withinMs, 'waiting for a call', coming).catch((error: unknown) => {
      const at = this.#takers.indexOf(taker);
      if (at >= 0) this.#takers.splice(at, 1);
      throw error;
    });
  }

  /** Hangs up everything and closes. Idempotent. */
  async close(withinMs = 1000): Promise<void> {
    for (const call of [...this.#calls]) call.hangup();
    await this.#agent?.close(withinMs);
    this.#agent = null;
    this.#metronome?.close();
  }

  get #host(): string {
    return this.#options.host ?? '127.0.0.1';
  }

  #onInvite(invitation: SipInvitation): void {
    const { challenge, onCall } = this.#options;
    if (challenge && !invitation.authenticate(challenge.realm, challenge.passwordOf)) return;
    if (this.#waiting.length >= MAX_WAITING) {
      invitation.refuse(486, 'Busy Here');
      return;
    }
    const call = this.#newCall(invitation);
    call.take(invitation);
    const taker = onCall ?? this.#takers.shift();
    if (taker) taker(call);
    else this.#waiting.push(call);
  }

  #newCall(invitation: SipInvitation | null): PhoneCall {
    const { kindOf, mediaTimeoutMs = 0, onEvent = null } = this.#options;
    const called = invitation?.requestUri.user ?? '';
    const { codecs = ['PCMU', 'PCMA'], telephoneEvent = true } = kindOf?.(called) ?? this.#options;
    const call = new PhoneCall(invitation, {
      onEvent,
      onGone: (gone) => {
        this.#calls.delete(gone);
        const at = this.#waiting.indexOf(gone);
        if (at >= 0) this.#waiting.splice(at, 1);
      },
      media: {
        clock: this.#clock,
        log: this.#log,
        beatSource: this.#beatSource,
        ports: this.#ports,
        host: this.#host,
        publicAddress: null,
        codecs,
        telephoneEvent,
        mediaTimeoutMs,
      },
    });
    this.#calls.add(call);
    return call;
  }
}
