/**
 * Where a URI leads: RFC 3263 without NAPTR, since the transport is always chosen. An address is
 * itself; a name with a port is looked up; a name without one is asked for SRV first.
 * Answers come in the order in which they are to be tried.
 */
import { lookup, resolveSrv } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Clock } from '../../../shared/kernel/clock.ts';
import { withDeadline } from '../../../shared/kernel/deadline.ts';
import { parseUri } from '../message/uri.ts';
import type { SipTransport } from '../sip-call.ts';
import type { Flow } from '../transaction/wire.ts';

export interface Hop {
  readonly host: string;
  readonly port: number | null;
  readonly transport: SipTransport;
}

export interface SrvRecord {
  readonly name: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

export interface NameService {
  /** Rejects or answers [] when there are none. */
  srv(name: string): Promise<readonly SrvRecord[]>;
  addresses(name: string): Promise<readonly string[]>;
}

/** The system's: SRV by DNS, addresses also from the hosts file. IPv4 goes first. */
export const systemNames: NameService = {
  srv: (name) => resolveSrv(name),
  addresses: async (name) => {
    const found = await lookup(name, { all: true });
    return found.sort((one, other) => one.family - other.family).map((one) => one.address);
  },
};

const DEFAULT_PORT = 5060;
const LOOKUP_MS = 3_000;
const MAX_TARGETS = 8;
const KEEP_MS = 30_000;
const MAX_KEPT = 512;

/** The next hop a URI names; null when it is not ours to reach (`sips`, `tel`, no host). */
export function hopOf(uri: string, transport: SipTransport): Hop | null {
  const parsed = parseUri(uri);
  if (parsed?.scheme !== 'sip') return null;
  const asked = parsed.parameters['transport']?.toLowerCase();
  if (asked !== undefined && asked !== 'udp' && asked !== 'tcp') return null;
  return { host: parsed.host, port: parsed.port, transport: asked ?? transport };
}

/** The target of a hop that needs no look-up. */
export function literalTarget(hop: Hop): Flow | null {
  if (isIP(hop.host) === 0) return null;
  return { transport: hop.transport, address: hop.host, port: hop.port ?? DEFAULT_PORT };
}

export class Resolver {
  readonly #names: NameService;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #kept = new Map<string, { readonly until: number; readonly targets: readonly Flow[] }>();

  constructor(names: NameService, clock: Clock, random: () => number) {
    this.#names = names;
    this.#clock = clock;
    this.#random = random;
  }

  /** Targets in order; [] when the name leads nowhere within 3 s. Does not reject. */
  async resolve(hop: Hop): Promise<readonly Flow[]> {
    const literal = literalTarget(hop);
    if (literal) return [literal];
    const key = `${hop.transport} ${hop.host} ${hop.port}`;
    const kept = this.#kept.get(key);
    if (kept && kept.until > this.#clock.monotonic()) return kept.targets;
    const targets = await withDeadline(this.#clock, LOOKUP_MS, 'name look-up', this.#ask(hop)).catch(() => []);
    if (targets.length > 0) this.#keep(key, targets);
    return targets;
  }

  #keep(key: string, targets: readonly Flow[]): void {
    this.#kept.delete(key);
    this.#kept.set(key, { until: this.#clock.monotonic() + KEEP_MS, targets });
    const oldest = this.#kept.keys().next();
    if (this.#kept.size > MAX_KEPT && !oldest.done) this.#kept.delete(oldest.value);
  }

  async #ask(hop: Hop): Promise<readonly Flow[]> {
    if (hop.port === null) {
      const records = await this.#names.srv(`_sip._${hop.transport}.${hop.host}`).catch(() => []);
      const targets: Flow[] = [];
      for (const record of orderSrv(records, this.#random).slice(0, MAX_TARGETS)) {
        targets.push(...(await this.#addresses(record.name, record.port, hop.transport)));
      }
      if (targets.length > 0) return targets.slice(0, MAX_TARGETS);
    }
    return (await this.#addresses(hop.host, hop.port ?? DEFAULT_PORT, hop.transport)).slice(0, MAX_TARGETS);
  }

  async #addresses(name: string, port: number, transport: SipTransport): Promise<Flow[]> {
    const found = await this.#names.addresses(name).catch(() => []);
    return found.map((address) => ({ transport, address, port }));
  }
}

/** By priority, within one by weighted lot (RFC 2782). `random` gives 0 ≤ x < 1. */
export function orderSrv(records: readonly SrvRecord[], random: () => number): readonly SrvRecord[] {
  const left = records.filter((record) => record.name !== '' && record.name !== '.');
  const ordered: SrvRecord[] = [];
  while (left.length > 0) {
    const priority = Math.min(...left.map((record) => record.priority));
    const candidates = left.filter((record) => record.priority === priority);
    const chosen = drawByWeight(candidates, random);
    if (!chosen) break;
    ordered.push(chosen);
    left.splice(left.indexOf(chosen), 1);
  }
  return ordered;
}

function drawByWeight(candidates: readonly SrvRecord[], random: () => number): SrvRecord | undefined {
  const total = candidates.reduce((sum, record) => sum + record.weight, 0);
  let lot = random() * total;
  for (const candidate of candidates) {
    lot -= candidate.weight;
    if (lot < 0) return candidate;
  }
  return candidates[0];
}
