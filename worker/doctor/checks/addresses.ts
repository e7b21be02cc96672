/** What the far end is told of where we are: bound addresses, public ones, and what lies between them. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import os from 'node:os';
import type { Trunk } from '../../../shared/domain/trunk.ts';
import { isPublicAddress } from '../../../shared/net/destination.ts';
import type { Settings } from '../../../shared/settings.ts';
import { type Finding, fault, ok, warning } from '../finding.ts';

interface Side {
  readonly check: string;
  readonly bound: string;
  readonly told: string | undefined;
  readonly hostSetting: string;
  readonly publicSetting: string;
  /** What has to be let through, for the sentence about NAT. */
  readonly ports: string;
}

const isWildcard = (address: string): boolean => address === '0.0.0.0' || address === '::';
const isLoopback = (address: string): boolean =>
  address === '::1' || address === 'localhost' || address.startsWith('127.');

export async function checkAddresses(settings: Settings, trunks: readonly Trunk[]): Promise<readonly Finding[]> {
  const { SIP_HOST, SIP_PORT, SIP_PUBLIC_ADDRESS, RTP_HOST, RTP_PORTS, RTP_PUBLIC_ADDRESS } = settings;
  const leavesMachine = trunks.some(({ host }) => !isLoopback(host.replace(/:\d+$/, '')));
  const sides: readonly Side[] = [
    {
      check: 'sip address',
      bound: SIP_HOST,
      told: SIP_PUBLIC_ADDRESS,
      hostSetting: 'SIP_HOST',
      publicSetting: 'SIP_PUBLIC_ADDRESS',
      ports: `UDP and TCP ${SIP_PORT}`,
    },
    {
      check: 'rtp address',
      bound: RTP_HOST,
      told: RTP_PUBLIC_ADDRESS,
      hostSetting: 'RTP_HOST',
      publicSetting: 'RTP_PUBLIC_ADDRESS',
      ports: `UDP ${RTP_PORTS.low}-${RTP_PORTS.high}`,
    },
  ];
  return await Promise.all(sides.map((side) => checkSide(side, leavesMachine)));
}

async function checkSide(side: Side, leavesMachine: boolean): Promise<Finding> {
  const { check, bound, told, hostSetting, publicSetting } = side;
  if (isLoopback(bound)) {
    if (leavesMachine) {
      const remedy = `Set ${hostSetting} to an address of this machine, or to 0.0.0.0 with ${publicSetting}.`;
      return fault(check, `${hostSetting} is ${bound}, and a trunk is elsewhere: it cannot reach that`, remedy);
    }
    return ok(check, `${bound}: only programs of this machine can call`);
  }
  if (told === undefined) return untold(side);
  return await judgeTold(side, told);
}

/** The far end is told the bound address. */
function untold({ check, bound, hostSetting, publicSetting }: Side): Finding {
  if (isWildcard(bound)) {
    const remedy = `Set ${publicSetting} to the address the far end reaches this machine at.`;
    return fault(
      check,
      `${hostSetting} is ${bound}, which nobody can send to, and ${publicSetting} is not set`,
      remedy,
    );
  }
  if (isPublicAddress(bound)) return ok(check, `${bound} is public`);
  const remedy = `Behind NAT set ${publicSetting}; in a private network with all trunks in it this is right.`;
  return warning(check, `${bound} is private, and the far end is told so`, remedy);
}

async function judgeTold({ check, bound, publicSetting, ports }: Side, told: string): Promise<Finding> {
  const name = told.replace(/^\[|\](:\d+)?$|(?<=^[^:]+):\d+$/g, '');
  const address = isIP(name) === 0 ? await resolved(name) : name;
  if (address === null)
    return fault(check, `${publicSetting}: ${name} has no address`, 'Correct the name, or its DNS.');
  if (isWildcard(address) || isLoopback(address)) {
    return fault(check, `${publicSetting} is ${told}, which the far end cannot reach`, 'Set it to a public address.');
  }
  const isOwn = Object.values(os.networkInterfaces()).some((list) => list?.some((one) => one.address === address));
  if (!isPublicAddress(address)) {
    return warning(
      check,
      `${publicSetting} is ${told}, a private address`,
      'Right only if every trunk is in that network.',
    );
  }
  if (isOwn) return ok(check, `${told}, an address of this machine`);
  return ok(check, `${told}, not of this machine: whatever has it must pass ${ports} on to ${bound}`);
}

const resolved = (name: string): Promise<string | null> =>
  lookup(name).then(
    ({ address }) => address,
    () => null,
  );
