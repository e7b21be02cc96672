/** Whether what is to be listened on is free and of this machine, and whether the RTP ports suffice. */
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { createServer, isIPv6 } from 'node:net';
import os from 'node:os';
import type { Clock } from '../../../shared/kernel/clock.ts';
import type { Settings } from '../../../shared/settings.ts';
import { pingOptions } from '../../sip/options-ping.ts';
import { type Finding, fault, ok, warning } from '../finding.ts';

type Transport = 'udp' | 'tcp';

interface Place {
  readonly check: string;
  readonly host: string;
  readonly port: number;
  readonly transports: readonly Transport[];
  /** The settings that move it. */
  readonly hostSetting: string;
  readonly portSetting: string;
  /** Whether it is one of ours that listens there. */
  readonly isOurs: () => Promise<boolean>;
}

const ASK_MS = 1000;
/** RTP ports that are tried. */
const SAMPLE = 40;
/** The gateway is Pivot-Streams, the phone bank Pivot Phone. */
const PRODUCT = /^Pivot[ -]/;

export async function checkPorts(settings: Settings, clock: Clock): Promise<readonly Finding[]> {
  const { HOST, PORT, SIP_HOST, SIP_PORT, PROBE_HOST, PROBE_PORT, TRUNKS, PHONES_PORT } = settings;
  const places: Place[] = [
    {
      check: 'api port',
      host: HOST,
      port: PORT,
      transports: ['tcp'],
      hostSetting: 'HOST',
      portSetting: 'PORT',
      isOurs: () => answersHealth(HOST, PORT),
    },
    {
      check: 'sip port',
      host: SIP_HOST,
      port: SIP_PORT,
      transports: ['udp', 'tcp'],
      hostSetting: 'SIP_HOST',
      portSetting: 'SIP_PORT',
      isOurs: () => answersSip(SIP_HOST, SIP_PORT, clock),
    },
  ];
  if (PROBE_PORT !== undefined)
    places.push({
      check: 'probe port',
      host: PROBE_HOST,
      port: PROBE_PORT,
      transports: ['tcp'],
      hostSetting: 'PROBE_HOST',
      portSetting: 'PROBE_PORT',
      isOurs: () => answersHealth(PROBE_HOST, PROBE_PORT),
    });
  if (TRUNKS === undefined && typeof PHONES_PORT === 'number' && PHONES_PORT > 0)
    places.push({
      check: 'phone bank port',
      host: SIP_HOST,
      port: PHONES_PORT,
      transports: ['udp', 'tcp'],
      hostSetting: 'SIP_HOST',
      portSetting: 'PHONES_PORT',
      isOurs: () => answersSip(SIP_HOST, PHONES_PORT, clock),
    });
  return [...(await Promise.all(places.map(checkPlace))), await checkRtp(settings)];
}

async function checkPlace({ check, host, port, transports, ...place }: Place): Promise<Finding> {
  const where = `${host}:${port}`;
  for (const transport of transports) {
    const problem = await bindProblem(transport, host, port);
    if (problem === null) continue;
    if (problem === 'EADDRNOTAVAIL') return notOurAddress(check, host, place.hostSetting);
    if (problem === 'EADDRINUSE') {
      if (await place.isOurs()) return ok(check, `${where} is in use by a running Pivot Streams`);
      const found = `${where} (${transport.toUpperCase()}) is in use by another program`;
      return fault(check, found, `End it (ss -lp finds it), or set ${place.portSetting} to a free port.`);
    }
    if (problem === 'EACCES') {
      return fault(
        check,
        `${where} may not be used by this user`,
        `Ports below 1024 need a privilege: choose another ${place.portSetting}.`,
      );
    }
    return fault(
      check,
      `${where} cannot be listened on: ${problem}`,
      `Look at ${place.hostSetting} and ${place.portSetting}.`,
    );
  }
  if (port === 0) return ok(check, `a free one of ${host} is taken at the start`);
  return ok(check, `${where} is free (${transports.map((transport) => transport.toUpperCase()).join(' and ')})`);
}

function notOurAddress(check: string, host: string, setting: string): Finding {
  const own = Object.values(os.networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ address }) => !address.startsWith('fe80'))
    .map(({ address }) => address);
  const found = `${setting}=${host} is no address of this machine`;
  return fault(
    check,
    found,
    `It has ${own.join(', ')}; what the outside sees goes into ${setting.replace('HOST', 'PUBLIC_ADDRESS')}.`,
  );
}

/** The code of the error, or null when it can be listened on. */
function bindProblem(transport: Transport, host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const failed = (error: Error): void => resolve('code' in error ? String(error.code) : error.message);
    if (transport === 'udp') {
      const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
      socket.once('error', (error) => {
        socket.close();
        failed(error);
      });
      socket.bind(port, host, () => socket.close(() => resolve(null)));
    } else {
      const server = createServer();
      server.once('error', failed);
      server.listen(port, host, () => server.close(() => resolve(null)));
    }
  });
}

const reachable = (host: string): string => (host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host);

async function answersHealth(host: string, port: number): Promise<boolean> {
  const name = reachable(host);
  try {
    const answer = await fetch(`http://${isIPv6(name) ? `[${name}]` : name}:${port}/healthz`, {
      signal: AbortSignal.timeout(ASK_MS),
    });
    return (await answer.text()).trim() === '{"status":"ok"}';
  } catch {
    return false;
  }
}

async function answersSip(host: string, port: number, clock: Clock): Promise<boolean> {
  const target = { transport: 'udp', address: reachable(host), port } as const;
  const uri = `sip:${isIPv6(target.address) ? `[${target.address}]` : target.address}:${port}`;
  const pinged = await pingOptions({ target, uri, credentials: null, clock, withinMs: ASK_MS });
  return pinged.kind === 'answered' && PRODUCT.test(pinged.product);
}

async function checkRtp({ RTP_HOST, RTP_PORTS, WORKER_THREADS, CALLS_PER_THREAD }: Settings): Promise<Finding> {
  const check = 'rtp ports';
  const { low, high } = RTP_PORTS;
  const pairs = Math.floor((high - low + 1) / 2);
  const step = Math.max(1, Math.floor((high - low) / SAMPLE));
  const taken: number[] = [];
  for (let port = low; port <= high; port += step) {
    const problem = await bindProblem('udp', RTP_HOST, port);
    if (problem === 'EADDRNOTAVAIL') return notOurAddress(check, RTP_HOST, 'RTP_HOST');
    if (problem !== null) taken.push(port);
  }
  const calls = WORKER_THREADS * CALLS_PER_THREAD;
  const found = `${pairs} pairs in ${low}-${high} at ${RTP_HOST} for ${calls} calls`;
  if (pairs < calls)
    return warning(check, found, 'Calls beyond the pairs fail: widen RTP_PORTS or lower CALLS_PER_THREAD.');
  if (taken.length * 4 > SAMPLE) {
    return warning(
      check,
      `${found}; of ${SAMPLE} tried ${taken.length} are in use (${taken.slice(0, 3).join(', ')} …)`,
      'Another program uses this range: choose other RTP_PORTS.',
    );
  }
  const local = ephemeral();
  if (local !== null && low <= local.high && high >= local.low) {
    const remedy = `Choose RTP_PORTS below ${local.low}, or change net.ipv4.ip_local_port_range.`;
    return warning(check, `${found}; the system gives ports of ${local.low}-${local.high} to any program`, remedy);
  }
  return ok(check, found);
}

/** Ports the system gives to whoever asks for any. */
function ephemeral(): { readonly low: number; readonly high: number } | null {
  try {
    const [low, high] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/).map(Number);
    return low === undefined || high === undefined ? null : { low, high };
  } catch {
    return null;
  }
}
