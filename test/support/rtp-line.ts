/**
 * Two legs that talk to each other over real sockets on loopback, with beats and time by hand:
 * the caller's letters become the other's as a gateway would make them.
 */
import { setImmediate } from 'node:timers/promises';
import type { TimelineEntry } from '../../shared/domain/event.ts';
import type { GatewayLetter } from '../../shared/domain/letter.ts';
import { FIRST_LEG } from '../../shared/kernel/ids.ts';
import { silentLogger } from '../../shared/kernel/log.ts';
import type { LegDelegate } from '../../worker/leg/leg.ts';
import type { LegMediaOptions } from '../../worker/leg/leg-media.ts';
import { SipLeg } from '../../worker/leg/sip-leg.ts';
import type { BeatSource } from '../../worker/media/beat.ts';
import { PortPool } from '../../worker/rtp/ports.ts';
import { ManualClock } from './clock.ts';

/** A beat source that beats when told. */
export class ManualBeats implements BeatSource {
  readonly #listeners = new Set<Parameters<BeatSource['join']>[0]>();

  get joined(): number {
    return this.#listeners.size;
  }

  join(listener: Parameters<BeatSource['join']>[0]): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  beat(): void {
    for (const listener of this.#listeners) listener.beat(0);
  }

  /** The beat of one listener, in the order they joined, threw; what it throws at being told so stays here. */
  fail(error: unknown, index: number): void {
    try {
      [...this.#listeners][index]?.failed?.(error);
    } catch {}
  }

  skip(beats: number): void {
    for (const listener of this.#listeners) listener.skipped?.(beats);
  }
}

/** One end: a leg, what it was told and what it heard. */
export class LineEnd {
  readonly told: string[] = [];
  readonly digits: string[] = [];
  readonly entries: TimelineEntry[] = [];
  readonly letters: GatewayLetter[] = [];
  readonly heard: number[] = [];
  readonly said: number[] = [];
  readonly leg: SipLeg;
  onLetter: (letter: GatewayLetter) => void = () => {};

  constructor(offer: string | null, media: LegMediaOptions, written?: () => Promise<void>) {
    this.leg = new SipLeg({
      id: FIRST_LEG,
      offer,
      send: (letter) => {
        this.letters.push(letter);
        this.onLetter(letter);
      },
      delegate: this.#delegate(),
      media,
      ...(written === undefined ? {} : { written }),
      record: null,
    });
    this.leg.tee.add({
      beat: (_beat, inbound, outbound) => {
        this.heard.push(...inbound.samples);
        this.said.push(...outbound.samples);
      },
    });
  }

  #delegate(): LegDelegate {
    return {
      onRinging: (code) => this.told.push(`ringing ${code}`),
      onAnswered: () => this.told.push('answered'),
      onFailed: (code, reason) => this.told.push(`failed ${code} ${reason}`),
      onEnded: (by, code) => this.told.push(`ended ${by} ${code}`),
      onBug: (error) => this.told.push(`bug ${error}`),
      onFound: (stage) => this.told.push(`found ${stage}`),
      onDigit: (digit, by, durationMs) => this.digits.push(`${digit} ${by} ${durationMs}`),
      onEntry: (entry) => this.entries.push(entry),
    };
  }
}

export class RtpLine {
  readonly clock = new ManualClock();
  readonly beats = new ManualBeats();
  readonly ports: PortPool;
  readonly #ends: LineEnd[] = [];

  constructor(range = { low: 30_000, high: 39_999 }) {
    this.ports = new PortPool(range, this.clock);
  }

  end(offer: string | null, media: Partial<LegMediaOptions> = {}, written?: () => Promise<void>): LineEnd {
    const whole: LegMediaOptions = {
      clock: this.clock,
      log: silentLogger,
      beatSource: this.beats,
      ports: this.ports,
      host: '127.0.0.1',
      publicAddress: null,
      codecs: ['PCMU', 'PCMA'],
      telephoneEvent: true,
      mediaTimeoutMs: 5000,
      ...media,
    };
    const end = new LineEnd(offer, whole, written);
    this.#ends.push(end);
    return end;
  }

  /** Dials from one end to another that answers; both are up. */
  async connect(
    from: Partial<LegMediaOptions> = {},
    to: Partial<LegMediaOptions> = {},
  ): Promise<{ caller: LineEnd; callee: LineEnd }> {
    const caller = this.end(null, from);
    caller.leg.dial({
      to: '+15550100001',
      from: '+15550100002',
      callerName: null,
      trunk: null,
      headers: {},
      ringTimeoutMs: 60_000,
    });
    const dial = await this.until(() => caller.letters.find((letter) => letter.kind === 'dial'));
    const callee = this.end(dial.sdp, to);
    callee.leg.ring();
    caller.leg.deliver({ kind: 'ringing', leg: caller.leg.id, sipCode: 180, sdp: null });
    callee.leg.answer();
    const answer = await this.until(() => callee.letters.find((letter) => letter.kind === 'answer'));
    caller.leg.deliver({ kind: 'answered', leg: caller.leg.id, sdp: answer.sdp });
    callee.leg.deliver({ kind: 'acked', leg: callee.leg.id, sdp: null });
    return { caller, callee };
  }

  /** Runs beats; the sockets get their turn between them. */
  async run(beats: number): Promise<void> {
    for (let beat = 0; beat < beats; beat++) {
      this.clock.advance(20);
      this.beats.beat();
      await this.#delivered();
    }
  }

  /** Lets the sockets run until the ends have got as much as they sent, or it is not for them. */
  async #delivered(): Promise<void> {
    for (let turn = 0; turn < 50; turn++) {
      await setImmediate();
      let missing = 0;
      for (const { leg } of this.#ends) {
        const figures = leg.figures;
        if (figures) missing += figures.sent - figures.received - figures.strangers - figures.malformed;
      }
      if (missing <= 0) return;
    }
  }

  /** Waits, in real time, until something is there. @throws after two seconds. */
  async until<T>(find: () => T | undefined): Promise<T> {
    const signal = AbortSignal.timeout(2000);
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      signal.throwIfAborted();
      await setImmediate();
    }
  }

  close(): void {
    for (const end of this.#ends) end.leg.close();
  }
}
