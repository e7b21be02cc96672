/**
 * The sound of one leg: each 20 ms beat takes a frame from the jitter buffer, takes a frame from the
 * playout queue, sends it and hands both to the tee. Owned and closed by a leg or a phone, which do the
 * signalling; an agreement of theirs (`apply`) is all it needs to know of it.
 *
 *   socket ─▶ jitter ─▶ decode ─▶ conceal ─┐
 *                                          ├─▶ tee
 *   playout ─▶ encode ─▶ socket ───────────┘
 */
import type { TimelineEntry } from '../../shared/domain/event.ts';
import type { Clock } from '../../shared/kernel/clock.ts';
import type { Logger } from '../../shared/kernel/log.ts';
import type { BeatSource } from '../media/beat.ts';
import type { Codec } from '../media/codec/codec.ts';
import { type AudioFrame, FRAME_MS, type Tee } from '../media/frame.ts';
import { Playout } from '../media/playout.ts';
import { FrameTee } from '../media/tee.ts';
import type { MediaAddress } from '../rtp/latch.ts';
import type { PortPool } from '../rtp/ports.ts';
import { type RtpFigures, RtpSession } from '../rtp/session.ts';
import type { BindDatagram } from '../sockets/datagram.ts';
import { codecs } from './codecs.ts';
import { InboundSound } from './inbound-sound.ts';
import { OutboundSound } from './outbound-sound.ts';
import { Presser } from './presser.ts';
import {
  type Agreement,
  type AudioName,
  type Direction,
  type LocalAudio,
  offeredFormats,
  receives,
  sends,
} from './sdp.ts';
import { ToneKeys } from './tone-keys.ts';

export interface LegMediaDelegate {
  onDigit(digit: string, by: 'rfc4733' | 'tone', durationMs: number): void;
  onEntry(entry: TimelineEntry): void;
  /** Nothing was heard for the media time-out; told once. */
  onTimeout(silentMs: number): void;
  /** Reading, making or sending sound threw: there is none any more. */
  onBug(error: unknown): void;
}

export interface LegMediaOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly beatSource: BeatSource;
  readonly ports: PortPool;
  /** Opens the sockets of RTP; absent: Node's. */
  readonly bind?: BindDatagram;
  /** Address to bind to, and the one to tell when it is another. */
  readonly host: string;
  readonly publicAddress: string | null;
  readonly codecs: readonly AudioName[];
  readonly telephoneEvent: boolean;
  /** Silence of the far end that ends the leg; 0 for never. Not counted on hold. */
  readonly mediaTimeoutMs: number;
  /** Delay of the jitter buffer to begin with; default 40. */
  readonly jitterStartMs?: number;
  /** The session id of `o=`, the same for every owner of the call; drawn when absent. */
  readonly session?: number;
  /** Who says that another owner has the call's media. */
  readonly moved?: MovedWatch;
}

export interface MovedWatch {
  /** The version of the other owner's description; null when the packet says nothing of the kind. */
  readonly read: (packet: Uint8Array) => number | null;
  /** It is newer than ours. */
  readonly tell: () => void;
}

export const KEY_MS = 100;
/** Beats between two looks at the media time-out. */
const WATCH_BEATS = 25;
/** Most silent frames handed to the tee for beats that were left out. */
const SKIPPED_MAX_BEATS = 3000;

/** A beat that runs so late is the thread's fault when something is missing in it. */
const LATE_MS = FRAME_MS / 2;

/** A frame that was begun so long ago is not sent. */
const STALE_MS = 1000;

/** Rate of a leg until its codec is known. */
const NARROW = 8000;

/** Both halves at the rate of the leg: that of the codec agreed on first. */
interface Sound {
  readonly inbound: InboundSound;
  readonly outbound: OutboundSound;
}

export class LegMedia {
  readonly tee: Tee;
  readonly playout: Playout;
  readonly #options: LegMediaOptions;
  readonly #delegate: LegMediaDelegate;
  readonly #tee: FrameTee;
  #sound: Sound | null = null;
  readonly #tones = new ToneKeys();
  readonly #presser: Presser;
  readonly #session: number;
  #version = 0;
  #rtp: RtpSession | null = null;
  #opening: Promise<void> | null = null;
  #agreement: Agreement | null = null;
  #leave: (() => void) | null = null;
  #beat = 0;
  #watching = false;
  #held = false;
  #closed = false;

  constructor(options: LegMediaOptions, delegate: LegMediaDelegate) {
    this.#options = options;
    this.#delegate = delegate;
    this.#session = options.session ?? Math.floor(Math.random() * 0x7fff_ffff);
    const report = (error: unknown): void => options.log.error({ err: error }, 'a listener on the audio path failed');
    this.#tee = new FrameTee(report);
    this.tee = this.#tee;
    this.playout = new Playout({ rate: NARROW, report });
    this.#presser = new Presser(options.clock, {
      press: (digit, done) => this.#pressKey(digit, done),
      release: () => this.#releaseKeys(),
    });
  }

  /** Whether beats run. */
  get running(): boolean {
    return this.#leave !== null;
  }

  get agreement(): Agreement | null {
    return this.#agreement;
  }

  /** Figures of the RTP session; null before it opened. */
  get figures(): RtpFigures | null {
    return this.#rtp?.figures() ?? null;
  }

  /** Opens the sockets; the same promise each time. @throws PortsFull when the range is full. */
  open(): Promise<void> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  /**
   * Goes on with the descriptions of an owner before us, whose last version nobody kept: at least `version`.
   * They grow, if not by one (RFC 3264 §8).
   */
  continueVersions(version: number): void {
    this.#version = Math.max(this.#version, version);
  }

  /** Our side for the next description; counts its version up. Only after `open`. */
  local(direction: Direction = 'sendrecv'): LocalAudio {
    this.#version += 1;
    return {
      address: this.#options.publicAddress ?? this.#options.host,
      port: this.#rtp?.port ?? 0,
      codecs: this.#options.codecs,
      telephoneEvent: this.#options.telephoneEvent,
      session: this.#session,
      version: this.#version,
      direction,
    };
  }

  /** We have offered: what may come before the answer is known. */
  offered(local: LocalAudio): void {
    this.#rtp?.expect(offeredFormats(local));
  }

  /** A session description was agreed on, for the first time or again. */
  apply(agreement: Agreement): void {
    const before = this.#agreement;
    this.#agreement = agreement;
    const { codec, receive, telephoneEvent, remote, remoteRtcp } = agreement;
    const sound = this.#soundFor(codecs[codec]);
    if (this.#rtp) sound.inbound.listenFor(receive, this.#rtp.received, telephoneEvent === null);
    sound.outbound.use(codecs[codec]);
    this.#rtp?.expect({ audio: [...receive.keys()], telephoneEvent });
    if (isReachable(remote)) this.#rtp?.connect(remote, remoteRtcp);
    if (before !== null && isReachable(remote) && !sameAddress(before.remote, remote)) this.#moved(remote);
    this.#holdOrResume(agreement.held);
  }

  /** Joins the beat. Idempotent. */
  start(): void {
    if (this.#leave !== null || this.#closed || this.#agreement === null) return;
    this.#rtp?.listen();
    this.#delegate.onEntry({
      type: 'media.started',
      codec: this.#agreement.codec,
      remote: spelt(this.#agreement.remote),
    });
    this.#leave = this.#options.beatSource.join({
      beat: (lateMs) => this.#onBeat(lateMs),
      skipped: (beats) => this.#onSkipped(beats),
      advance: () => this.#rtp?.advance() ?? 0,
      failed: (error) => this.#delegate.onBug(error),
    });
  }

  /** From here on the far end must be heard within the media time-out. */
  watch(): void {
    this.#rtp?.heed();
    this.#watching = this.#options.mediaTimeoutMs > 0;
  }

  /** Answered: what is said from here on is kept for streams that open within two seconds. */
  remember(): void {
    this.#tee.remember();
  }

  /** Keys and pauses that were asked for and are not over. */
  get keysWaiting(): number {
    return this.#presser.waiting;
  }

  /** Presses digits, by event where agreed, else by tone; `w` and `W` wait. */
  press(digits: string, signal?: AbortSignal): Promise<void> {
    return this.#presser.press(digits, signal);
  }

  /** Frees beat, sockets and ports. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#leave?.();
    this.#leave = null;
    this.#tee.forget();
    this.#presser.close();
    this.#rtp?.close();
    this.#sound?.inbound.close();
    this.#sound?.outbound.close();
  }

  /** Made with the first agreement. What waits to be played already has its rate. */
  #soundFor(codec: Codec): Sound {
    if (this.#sound !== null) return this.#sound;
    this.playout.tune(codec.rate);
    const rate = this.playout.rate === codec.rate ? codec.rate : NARROW;
    const inbound = new InboundSound(rate, (digit, ms) => this.#delegate.onDigit(digit, 'tone', ms));
    this.#sound = { inbound, outbound: new OutboundSound(rate, codec) };
    return this.#sound;
  }

  async #open(): Promise<void> {
    const { host, ports, bind, clock, jitterStartMs, log } = this.#options;
    const rtp = await RtpSession.open(
      {
        host,
        ports,
        ...(bind === undefined ? {} : { bind }),
        clock,
        frameBytes: codecs.PCMU.frameBytes,
        jitter: {
          startMs: jitterStartMs ?? 40,
          isQuiet: (payload, type) => this.#sound?.inbound.isQuiet(payload, type) ?? false,
        },
        onSocketError: (error) => log.warn({ err: error }, 'a media socket reported an error'),
      },
      {
        onDigit: (digit, durationMs) => this.#delegate.onDigit(digit, 'rfc4733', durationMs),
        onMoved: (remote) => this.#learned(remote),
        onApp: (packet) => this.#heardOf(packet),
        onBug: (error) => this.#delegate.onBug(error),
      },
    );
    if (this.#closed) rtp.close();
    else this.#rtp = rtp;
  }

  #heardOf(packet: Uint8Array): void {
    const version = this.#options.moved?.read(packet) ?? null;
    if (version !== null && version > this.#version) this.#options.moved?.tell();
  }

  /** Packets come from elsewhere than signalled: worth telling when it is not the expected place. */
  #learned(remote: MediaAddress): void {
    if (this.#agreement !== null && !sameAddress(this.#agreement.remote, remote)) this.#moved(remote);
  }

  #moved(remote: MediaAddress): void {
    this.#delegate.onEntry({ type: 'media.moved', remote: spelt(remote) });
  }

  #holdOrResume(held: boolean): void {
    if (held === this.#held) return;
    this.#held = held;
    this.#rtp?.listen();
    this.#delegate.onEntry({ type: held ? 'media.held' : 'media.resumed' });
  }

  #onBeat(lateMs: number): void {
    if (lateMs > LATE_MS) this.playout.late();
    const rtp = this.#rtp;
    const agreement = this.#agreement;
    const sound = this.#sound;
    if (rtp === null || agreement === null || sound === null) return;
    const { clock } = this.#options;
    const beganAt = clock.monotonic();
    const received = rtp.receive();
    const listening = !this.#held && receives(agreement.direction);
    const inbound = listening ? sound.inbound.frame(received, rtp) : sound.inbound.silence();
    const outbound = sound.outbound.frame(this.playout, this.#tones, rtp.payload);
    // Stopped in the midst of it, the thread may have lost the call: the next tick asks, and says nothing before.
    const isStale = clock.monotonic() - beganAt >= STALE_MS;
    if (sends(agreement.direction) && !isStale) rtp.send(agreement.payloadType);
    else rtp.silent();
    this.#tee.write(this.#beat++, inbound, outbound);
    if (this.#watching && this.#beat % WATCH_BEATS === 0 && listening) this.#checkSilence(rtp.silentMs);
  }

  /** Branches tell the time by counting frames: beats that were left out are handed on as silence. */
  #onSkipped(beats: number): void {
    this.#rtp?.skipped(beats);
    this.playout.skipped(beats);
    const sound = this.#sound;
    if (sound === null) return;
    for (let index = 0; index < Math.min(beats, SKIPPED_MAX_BEATS); index++) {
      const silence: AudioFrame = sound.inbound.silence();
      this.#tee.write(this.#beat++, silence, silence);
    }
  }

  #checkSilence(silentMs: number): void {
    if (silentMs < this.#options.mediaTimeoutMs) return;
    this.#watching = false;
    this.#delegate.onEntry({ type: 'media.timeout', silentMs: Math.round(silentMs) });
    this.#delegate.onTimeout(silentMs);
  }

  #pressKey(digit: string, done: () => void): void {
    if (this.#agreement?.telephoneEvent && this.#rtp) this.#rtp.press(digit, KEY_MS, done);
    else this.#tones.press(digit, KEY_MS + FRAME_MS, done);
  }

  #releaseKeys(): void {
    this.#rtp?.release();
    this.#tones.release();
  }
}

const isReachable = ({ address }: MediaAddress): boolean => address !== '0.0.0.0' && address !== '::';

const sameAddress = (one: MediaAddress, other: MediaAddress): boolean =>
  one.address === other.address && one.port === other.port;

const spelt = ({ address, port }: MediaAddress): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
