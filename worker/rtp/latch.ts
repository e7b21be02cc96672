/**
 * Who may send us audio, and where ours goes: symmetric RTP (RFC 4961) behind a guard. Behind NAT the
 * signalled address is often not where packets come from, so the source is learned; but not from anyone:
 *
 *   open ──(signalled source: 1 packet · other source: 3 in sequence)──▶ latched
 *   latched ──(a better source, see trust; or the old one is silent and 3 came in sequence)──▶ latched
 *   any ──(signalling moved the address)──▶ open
 *
 * Everyone else is a stranger and refused (RFC 7362 names the risks). A pure machine: time is given.
 */
import type { SocketAddress } from '../sockets/datagram.ts';
import type { RtpHeader } from './packet.ts';
import { sequenceDistance } from './serial.ts';

export type MediaAddress = SocketAddress;

/** Packets in a row that an unsignalled source must send before it is believed. */
const PROBATION_PACKETS = 3;
/** The same for the source that signalling has just moved away from: it may still be sending for a while. */
const FORMER_PACKETS = 50;
/** How long the old source must be silent before another one may follow it with another SSRC. */
const SILENT_MS = 2000;
/** The same for a source that goes on with the SSRC of the old one: its NAT binding changed. */
const REBIND_MS = 200;

interface Candidate {
  source: MediaAddress;
  ssrc: number;
  sequence: number;
  packets: number;
}

export type Latched = 'accepted' | 'learned' | 'refused';

export class Latch {
  #signalled: MediaAddress | null = null;
  #source: MediaAddress | null = null;
  #ssrc = 0;
  #lastAt = 0;
  #candidate: Candidate | null = null;
  #former: MediaAddress | null = null;
  #strangers = 0;

  /** Packets refused since the beginning. */
  get strangers(): number {
    return this.#strangers;
  }

  /** Where our packets go: the learned source, else the signalled one, else nowhere yet. */
  get target(): MediaAddress | null {
    return this.#source ?? this.#signalled;
  }

  /** The address of the newest session description. Another one than before opens the latch again. */
  signal(address: MediaAddress): void {
    if (this.#signalled !== null && same(this.#signalled, address)) return;
    if (this.#signalled !== null) this.#former = this.#source ?? this.#signalled;
    this.#signalled = address;
    this.#source = null;
    this.#candidate = null;
  }

  /** Judges a valid packet of an agreed payload type. `learned`: accepted, and the target changed. */
  judge(source: MediaAddress, header: RtpHeader, nowMs: number): Latched {
    if (this.#source !== null && same(this.#source, source)) {
      this.#ssrc = header.ssrc;
      this.#lastAt = nowMs;
      return 'accepted';
    }
    if (!this.#mayReplace(source, header, nowMs) || !this.#proven(source, header)) {
      this.#strangers += 1;
      return 'refused';
    }
    this.#source = { address: source.address, port: source.port };
    this.#ssrc = header.ssrc;
    this.#lastAt = nowMs;
    this.#candidate = null;
    return 'learned';
  }

  #mayReplace(source: MediaAddress, header: RtpHeader, nowMs: number): boolean {
    if (this.#source === null || this.#trust(source) > this.#trust(this.#source)) return true;
    return nowMs - this.#lastAt >= (header.ssrc === this.#ssrc ? REBIND_MS : SILENT_MS);
  }

  /** 2: exactly as signalled; 1: the signalled host; 0: any other. */
  #trust(source: MediaAddress): number {
    if (this.#signalled === null || this.#signalled.address !== source.address) return 0;
    return this.#signalled.port === source.port ? 2 : 1;
  }

  #proven(source: MediaAddress, header: RtpHeader): boolean {
    if (this.#trust(source) === 2) return true;
    const candidate = this.#candidate;
    if (candidate === null || candidate.ssrc !== header.ssrc || !same(candidate.source, source)) {
      this.#candidate = {
        source: { address: source.address, port: source.port },
        ssrc: header.ssrc,
        sequence: header.sequence,
        packets: 1,
      };
      return false;
    }
    const step = sequenceDistance(candidate.sequence, header.sequence);
    candidate.packets = step > 0 && step < 100 ? candidate.packets + 1 : 1;
    candidate.sequence = header.sequence;
    const former = this.#former !== null && same(this.#former, source);
    return candidate.packets >= (former ? FORMER_PACKETS : PROBATION_PACKETS);
  }
}

const same = (one: MediaAddress, other: MediaAddress): boolean =>
  one.port === other.port && one.address === other.address;
