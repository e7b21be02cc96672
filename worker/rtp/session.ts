/**
 * One RTP session: sockets, latch, jitter buffer, digits and reports both ways of one leg. The leg owns it,
 * beats it every 20 ms (`receive`, then `send` or `silent`) and closes it. Nothing here keeps a timer.
 */
import dns from 'node:dns';
import { isIP } from 'node:net';
import type { Clock } from '../../shared/kernel/clock.ts';
import type { BindDatagram } from '../sockets/datagram.ts';
import { bindNodeDatagram } from '../sockets/node-datagram.ts';
import { COMFORT_NOISE, JitterBuffer, type JitterCounters, type JitterFrame, type JitterOptions } from './jitter.ts';
import { Latch, type MediaAddress } from './latch.ts';
import { newRtpHeader, readRtp } from './packet.ts';
import type { PortPool } from './ports.ts';
import { Reception } from './reception.ts';
import { Reports } from './reports.ts';
import { RtpSender } from './sender.ts';
import { openSocketPair, type SocketPair } from './socket-pair.ts';
import { DigitReceiver, DigitSender } from './telephone-event.ts';

/** What the far end may send and what it takes, by payload type. */
export interface RtpFormats {
  /** Payload types of audio we can decode. */
  readonly audio: readonly number[];
  /** Payload type of telephone-event they send and we send; null when not agreed. */
  readonly telephoneEvent: { readonly receive: number; readonly send: number; readonly clockRate: number } | null;
}

/** Up-calls; all of them synchronous. */
export interface RtpDelegate {
  onDigit(digit: string, durationMs: number): void;
  /** Packets go to, and are taken from, another source than before. */
  onMoved(remote: MediaAddress): void;
  /** An RTCP APP packet, of whomever: a matter of the application's (RFC 3550 §6.7). */
  onApp?(packet: Uint8Array): void;
  /** A bug of ours met with a packet; without this it is thrown. */
  onBug?(error: unknown): void;
}

export interface RtpOptions {
  /** Opens a UDP socket; absent: Node's. */
  readonly bind?: BindDatagram;
  readonly host: string;
  readonly ports: PortPool;
  readonly clock: Clock;
  /** Payload bytes of 20 ms. */
  readonly frameBytes: number;
  readonly jitter: Partial<JitterOptions>;
  readonly onSocketError: (error: Error) => void;
}

/** Figures for metrics and the end of a call. */
export interface RtpFigures {
  readonly received: number;
  readonly lost: number;
  readonly sent: number;
  /** Packets of strangers, and packets that were no RTP or of no agreed type. */
  readonly strangers: number;
  readonly malformed: number;
  readonly jitter: Readonly<JitterCounters>;
  readonly delayMs: number;
  /** What the far end lost of ours, by its reports. */
  readonly remoteLost: number | null;
  readonly roundTripMs: number | null;
}

/** Payload type of RTCP. */
const APP = 204;

export class RtpSession {
  readonly #clock: Clock;
  readonly #delegate: RtpDelegate;
  readonly #latch = new Latch();
  readonly #jitter: JitterBuffer;
  readonly #reception = new Reception();
  readonly #sender: RtpSender;
  readonly #reports: Reports;
  readonly #digitsOut = new DigitSender();
  readonly #header = newRtpHeader();
  #digitsIn: DigitReceiver;
  #pair: SocketPair | null = null;
  #formats: RtpFormats = { audio: [], telephoneEvent: null };
  #audio = new Set<number>();
  #heardAt: number;
  #malformed = 0;
  #closed = false;

  private constructor(options: RtpOptions, delegate: RtpDelegate) {
    this.#clock = options.clock;
    this.#delegate = delegate;
    this.#jitter = new JitterBuffer(options.jitter);
    this.#sender = new RtpSender(options.frameBytes);
    this.#reports = new Reports(options.clock, this.#sender, this.#reception);
    this.#digitsIn = this.#newDigits(8000);
    this.#heardAt = options.clock.monotonic();
  }

  /**
   * Opens the sockets. @throws PortsFull when no port is free.
   */
  static async open(options: RtpOptions, delegate: RtpDelegate): Promise<RtpSession> {
    const session = new RtpSession(options, delegate);
    session.#pair = await openSocketPair({
      bind: options.bind ?? bindNodeDatagram,
      host: options.host,
      ports: options.ports,
      onRtp: (data, source) => {
        try {
          session.#onRtp(data, source);
        } catch (error) {
          session.#broke(error);
        }
      },
      onRtcp: (data, source) => {
        try {
          session.#onRtcp(data, source);
        } catch (error) {
          session.#broke(error);
        }
      },
      onError: options.onSocketError,
    });
    return session;
  }

  get port(): number {
    return this.#pair?.port ?? 0;
  }

  /** Where packets go now; null before anyone told. */
  get remote(): MediaAddress | null {
    return this.#latch.target;
  }

  /** Milliseconds since the far end was last heard by RTP or RTCP, or since `connect`, `listen` or `heed`. */
  get silentMs(): number {
    return this.#clock.monotonic() - this.#heardAt;
  }

  /** Payload types that will be understood; before the answer those we offered. */
  expect(formats: RtpFormats): void {
    const rate = formats.telephoneEvent?.clockRate ?? 8000;
    if (rate !== (this.#formats.telephoneEvent?.clockRate ?? 8000)) this.#digitsIn = this.#newDigits(rate);
    this.#formats = formats;
    this.#audio = new Set([...formats.audio, COMFORT_NOISE]);
  }

  /** The far end's address by its newest session description; `rtcp` null means the next port. */
  connect(remote: MediaAddress, rtcp: MediaAddress | null): void {
    this.#heardAt = this.#clock.monotonic();
    if (isIP(remote.address) !== 0) {
      this.#signal(remote, rtcp);
      return;
    }
    dns.lookup(remote.address, (error, address) => {
      if (error !== null || this.#closed) return;
      const named = rtcp !== null && isIP(rtcp.address) === 0;
      this.#signal({ address, port: remote.port }, named ? { address, port: rtcp.port } : rtcp);
    });
  }

  /** Forgets what waits in the jitter buffer and begins to count silence anew: media starts or resumes. */
  listen(): void {
    this.#jitter.clear();
    this.heed();
  }

  /** Begins to count silence anew; what waits is played. */
  heed(): void {
    this.#heardAt = this.#clock.monotonic();
  }

  /** The inbound frame of this beat. Lent until the next call. */
  receive(): JitterFrame {
    const now = this.#clock.monotonic();
    this.#digitsIn.beat(now);
    return this.#jitter.pop(now);
  }

  /** One more inbound frame in this beat, when there is delay to be given back; null when not. Lent as the first one is. */
  extra(): JitterFrame | null {
    return this.#jitter.extra();
  }

  /** By how many ms beats should come earlier from here on. Told once. */
  advance(): number {
    return this.#jitter.advance();
  }

  /** The bytes of every frame of `receive`: the same buffer each time. */
  get received(): Uint8Array {
    return this.#jitter.payload;
  }

  /** Where to encode the outbound frame of this beat. Lent until `send` or `silent`. */
  get payload(): Uint8Array {
    return this.#sender.payload;
  }

  /** Ends the beat: sends the frame in `payload`, or the digit that is being pressed. */
  send(payloadType: number): void {
    const to = this.#latch.target;
    const pair = this.#pair;
    this.#reports.beat(to, pair);
    if (to === null || pair === null) {
      this.#sender.silent();
      return;
    }
    const events = this.#formats.telephoneEvent;
    const event = events === null ? null : this.#digitsOut.beat(this.#sender.timestamp);
    const packet =
      event === null || events === null
        ? this.#sender.audio(payloadType)
        : this.#sender.event(events.send, event.marker, event.timestamp, event.payload);
    pair.sendRtp(packet, to);
  }

  /** Ends the beat without sending: on hold. */
  silent(): void {
    this.#reports.beat(this.#latch.target, this.#pair);
    this.#sender.silent();
  }

  /** Beats were left out: time went on. */
  skipped(beats: number): void {
    this.#sender.silent(beats);
  }

  /** Presses one key by telephone-event; `done` when it and the pause behind it are over. */
  press(digit: string, durationMs: number, done: () => void): void {
    this.#digitsOut.press(digit, durationMs, done);
  }

  /** Lets go of the key and forgets the rest. */
  release(): void {
    this.#digitsOut.release();
  }

  figures(): RtpFigures {
    return {
      received: this.#reception.received,
      lost: Math.max(0, this.#reception.lost),
      sent: this.#sender.packets,
      strangers: this.#latch.strangers,
      malformed: this.#malformed,
      jitter: this.#jitter.counters,
      delayMs: this.#jitter.delayMs,
      remoteLost: this.#reports.remoteLost,
      roundTripMs: this.#reports.roundTripMs,
    };
  }

  /** Frees sockets and ports. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#pair?.close();
    this.#pair = null;
  }

  #newDigits(clockRate: number): DigitReceiver {
    return new DigitReceiver((digit, durationMs) => this.#delegate.onDigit(digit, durationMs), clockRate);
  }

  #signal(remote: MediaAddress, rtcp: MediaAddress | null): void {
    this.#latch.signal(remote);
    this.#reports.signal(rtcp);
  }

  #broke(error: unknown): void {
    if (this.#delegate.onBug === undefined) throw error;
    this.#delegate.onBug(error);
  }

  #onRtp(data: Uint8Array, source: MediaAddress): void {
    const header = this.#header;
    if (!readRtp(data, header)) {
      this.#malformed += 1;
      return;
    }
    const isEvent = header.payloadType === this.#formats.telephoneEvent?.receive;
    if (!isEvent && !this.#audio.has(header.payloadType)) {
      this.#malformed += 1;
      return;
    }
    const now = this.#clock.monotonic();
    const judged = this.#latch.judge(source, header, now);
    if (judged === 'refused') return;
    this.#heardAt = now;
    if (judged === 'learned') this.#delegate.onMoved({ address: source.address, port: source.port });
    this.#reception.count(header.ssrc, header.sequence, header.timestamp, now, 8000, !isEvent);
    if (!isEvent) {
      this.#jitter.put(header, data, now);
      return;
    }
    this.#jitter.pause();
    const payload = data.subarray(header.payloadStart, header.payloadEnd);
    this.#digitsIn.put(header.ssrc, header.marker, header.timestamp, payload, now);
  }

  #onRtcp(data: Uint8Array, source: MediaAddress): void {
    if (data[1] === APP) {
      this.#delegate.onApp?.(data);
      return;
    }
    if (source.address !== this.#latch.target?.address) return;
    if (this.#reports.receive(data, source)) this.#heardAt = this.#clock.monotonic();
  }
}
