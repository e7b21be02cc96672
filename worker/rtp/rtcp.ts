/**
 * RTCP reports (RFC 3550 §6.4): ours are built and theirs are read with rtp.js, its one importer.
 * A compound is SR (or RR when we sent nothing) and SDES with a CNAME that names no person and no host.
 */
import {
  CompoundPacket,
  isRtcp,
  ReceiverReportPacket,
  ReceptionReport,
  SdesChunk,
  SdesPacket,
  SenderReportPacket,
} from 'rtp.js/packets';
import type { ReceptionFigures } from './reception.ts';

const CNAME = 1;
const RTCP_MAX_BYTES = 1500;
/** Seconds between 1900 (NTP) and 1970 (Unix). */
const NTP_OFFSET_S = 2_208_988_800;

export interface SenderFigures {
  readonly ssrc: number;
  readonly packets: number;
  readonly octets: number;
  /** The RTP timestamp that belongs to this moment. */
  readonly timestamp: number;
}

/** What the far end said about our packets, and its newest sender report. */
export interface RemoteReport {
  /** The SSRC that wrote it. */
  readonly ssrc: number;
  /** Middle 32 bits of its NTP time; null when it sent no SR. */
  readonly senderReport: number | null;
  readonly about: { readonly fractionLost: number; readonly totalLost: number; readonly jitter: number } | null;
  /** Round trip in ms; null before our first report came back. */
  readonly roundTripMs: number | null;
}

/** The newest SR of the far end and when it came. */
export interface LastSenderReport {
  readonly middle: number;
  readonly atMs: number;
}

const ntpSeconds = (nowMs: number): number => Math.floor(nowMs / 1000) + NTP_OFFSET_S;
const ntpFraction = (nowMs: number): number => Math.floor(((((nowMs % 1000) + 1000) % 1000) / 1000) * 0x1_0000_0000);
const ntpMiddle = (nowMs: number): number =>
  (((ntpSeconds(nowMs) & 0xffff) << 16) | Math.floor(ntpFraction(nowMs) / 0x1_0000)) >>> 0;

/** A compound packet; `nowMs` is Unix time. */
export function buildReport(
  sender: SenderFigures,
  reception: ReceptionFigures | null,
  last: LastSenderReport | null,
  cname: string,
  nowMs: number,
): Uint8Array {
  const report = sender.packets > 0 ? senderReport(sender, nowMs) : new ReceiverReportPacket();
  report.setSsrc(sender.ssrc);
  if (reception !== null) report.addReport(receptionReport(reception, last, nowMs));
  const chunk = new SdesChunk();
  chunk.setSsrc(sender.ssrc);
  chunk.addItem(CNAME, cname);
  const sdes = new SdesPacket();
  sdes.addChunk(chunk);
  const compound = new CompoundPacket();
  compound.addPacket(report);
  compound.addPacket(sdes);
  compound.serialize();
  const view = compound.getView();
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function senderReport(sender: SenderFigures, nowMs: number): SenderReportPacket {
  const report = new SenderReportPacket();
  report.setNtpSeconds(ntpSeconds(nowMs) >>> 0);
  report.setNtpFraction(ntpFraction(nowMs));
  report.setRtpTimestamp(sender.timestamp >>> 0);
  report.setPacketCount(sender.packets >>> 0);
  report.setOctetCount(sender.octets >>> 0);
  return report;
}

function receptionReport(figures: ReceptionFigures, last: LastSenderReport | null, nowMs: number): ReceptionReport {
  const report = new ReceptionReport();
  report.setSsrc(figures.ssrc);
  report.setFractionLost(figures.fractionLost);
  report.setTotalLost(figures.totalLost);
  report.setHighestSeqNumber(figures.highestSequence);
  report.setJitter(figures.jitter >>> 0);
  if (last !== null) {
    report.setLastSRTimestamp(last.middle);
    report.setDelaySinceLastSR(Math.min(0xffff_ffff, Math.floor(((nowMs - last.atMs) * 65_536) / 1000)));
  }
  return report;
}

/** Reads a datagram; null when it is no report or broken. `ourSsrc` chooses the block that is about us. */
export function readReport(datagram: Uint8Array, ourSsrc: number, nowMs: number): RemoteReport | null {
  if (datagram.length > RTCP_MAX_BYTES) return null;
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  try {
    if (!isRtcp(view)) return null;
    for (const packet of new CompoundPacket(view).getPackets()) {
      if (packet instanceof SenderReportPacket || packet instanceof ReceiverReportPacket) {
        return remoteReport(packet, ourSsrc, nowMs);
      }
    }
    return null;
  } catch {
    return null;
  }
}

function remoteReport(packet: SenderReportPacket | ReceiverReportPacket, ourSsrc: number, nowMs: number): RemoteReport {
  const about = packet.getReports().find((report) => report.getSsrc() === ourSsrc);
  return {
    ssrc: packet.getSsrc(),
    senderReport:
      packet instanceof SenderReportPacket
        ? (((packet.getNtpSeconds() & 0xffff) << 16) | (packet.getNtpFraction() >>> 16)) >>> 0
        : null,
    about: about
      ? { fractionLost: about.getFractionLost(), totalLost: about.getTotalLost(), jitter: about.getJitter() }
      : null,
    roundTripMs: about ? roundTrip(about.getLastSRTimestamp(), about.getDelaySinceLastSR(), nowMs) : null,
  };
}

/** RFC 3550 §6.4.1: now − LSR − DLSR, in 1/65536 s. */
function roundTrip(lastSr: number, delay: number, nowMs: number): number | null {
  if (lastSr === 0) return null;
  const units = (ntpMiddle(nowMs) - lastSr - delay) | 0;
  return units < 0 ? 0 : (units * 1000) / 65_536;
}
