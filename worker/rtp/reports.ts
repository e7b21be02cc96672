/**
 * The reports of one RTP session, both ways (RTCP, RFC 3550 §6): what the far end says of our sound, and what we say of
 * its. Owned by the session, which beats it.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../shared/kernel/clock.ts';
import type { MediaAddress } from './latch.ts';
import type { Reception } from './reception.ts';
import { buildReport, type LastSenderReport, readReport } from './rtcp.ts';
import type { RtpSender } from './sender.ts';
import type { SocketPair } from './socket-pair.ts';

/** Beats before the first report. */
const FIRST_REPORT_BEATS = 100;
/** Beats between two reports: 5 s, half to one and a half of it by chance (RFC 3550 §6.2). */
const reportBeats = (): number => 125 + Math.floor(Math.random() * 250);

export class Reports {
  readonly #clock: Clock;
  readonly #sender: RtpSender;
  readonly #reception: Reception;
  readonly #cname = randomBytes(9).toString('base64url');
  #signalled: MediaAddress | null = null;
  #learned: MediaAddress | null = null;
  #last: LastSenderReport | null = null;
  #beatsToReport = FIRST_REPORT_BEATS;
  /** What the far end lost of ours; null before it said. */
  remoteLost: number | null = null;
  roundTripMs: number | null = null;

  constructor(clock: Clock, sender: RtpSender, reception: Reception) {
    this.#clock = clock;
    this.#sender = sender;
    this.#reception = reception;
  }

  /** Where ours go by the newest session description, until one of theirs shows where from; null for the next port. */
  signal(rtcp: MediaAddress | null): void {
    this.#signalled = rtcp;
    this.#learned = null;
  }

  /** A packet of theirs; false when it is no report of whom we hear. */
  receive(data: Uint8Array, source: MediaAddress): boolean {
    const report = readReport(data, this.#sender.ssrc, this.#clock.now());
    if (report === null) return false;
    if (this.#reception.ssrc !== null && report.ssrc !== this.#reception.ssrc) return false;
    this.#learned = { address: source.address, port: source.port };
    if (report.senderReport !== null) this.#last = { middle: report.senderReport, atMs: this.#clock.now() };
    if (report.about !== null) this.remoteLost = report.about.totalLost;
    if (report.roundTripMs !== null) this.roundTripMs = report.roundTripMs;
    return true;
  }

  /** Sends ours when it is due; `media` is where the sound goes. */
  beat(media: MediaAddress | null, pair: SocketPair | null): void {
    this.#beatsToReport -= 1;
    if (this.#beatsToReport > 0) return;
    this.#beatsToReport = reportBeats();
    if (media !== null) this.#send(media, pair);
  }

  #send(media: MediaAddress, pair: SocketPair | null): void {
    const to = this.#learned ?? this.#signalled ?? { address: media.address, port: media.port + 1 };
    if (to.port <= 0 || to.port > 65_535) return;
    const { ssrc, packets, octets, timestamp } = this.#sender;
    const figures = this.#reception.report();
    const own = { ssrc, packets, octets, timestamp };
    pair?.sendRtcp(buildReport(own, figures, this.#last, this.#cname, this.#clock.now()), to);
  }
}
