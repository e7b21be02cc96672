/**
 * Whether the gateway of this host answers SIP: one OPTIONS over UDP (RFC 3261 §11), sent again as UDP
 * may lose it. Ends with 0 when it is answered in time, with 1 and a line that says why when not. For
 * health checks: `node dist/worker/gateway/probe.js`, with the settings the gateway has.
 */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { systemClock as clock } from '../../shared/kernel/clock.ts';
import { Closers } from '../../shared/kernel/closers.ts';
import { withDeadline } from '../../shared/kernel/deadline.ts';
import { readSettings, SettingsError } from '../../shared/settings.ts';
import { lastPort } from './listen-again.ts';

const WITHIN_MS = 3000;
const AGAIN_MS = 500;

interface Address {
  readonly host: string;
  readonly port: number;
}

/** Where a gateway with these settings listens, seen from the same host. */
function gatewayAddress(): Address {
  const { SIP_HOST, SIP_PORT, DATA_DIR } = readSettings(process.env);
  const port = SIP_PORT === 0 ? lastPort(DATA_DIR) : SIP_PORT;
  if (port === 0) throw new SettingsError('SIP_PORT is 0 and no gateway has listened yet');
  if (SIP_HOST === '0.0.0.0') return { host: '127.0.0.1', port };
  return { host: SIP_HOST === '::' ? '::1' : SIP_HOST, port };
}

function optionsTo(gateway: Address, own: Address, callId: string): string {
  const spelt = ({ host, port }: Address): string => `${isIPv6(host) ? `[${host}]` : host}:${port}`;
  return [
    `OPTIONS sip:${spelt(gateway)} SIP/2.0`,
    `Via: SIP/2.0/UDP ${spelt(own)};branch=z9hG4bK${callId};rport`,
    'Max-Forwards: 70',
    `From: <sip:probe@${spelt(own)}>;tag=${callId}`,
    `To: <sip:${spelt(gateway)}>`,
    `Call-ID: ${callId}`,
    'CSeq: 1 OPTIONS',
    'Accept: application/sdp',
    'Content-Length: 0',
    '\r\n',
  ].join('\r\n');
}

/** Resolves with the status code of the answer to our request; whatever else arrives is not for us. */
function answerOn(socket: Socket, callId: string): Promise<number> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.on('message', (data) => {
      const text = data.toString('latin1');
      const code = /^SIP\/2\.0 (\d{3}) /.exec(text)?.[1];
      if (code !== undefined && Number(code) >= 200 && text.includes(callId)) resolve(Number(code));
    });
  });
}

async function ask(closers: Closers): Promise<void> {
  const gateway = gatewayAddress();
  const socket = createSocket(isIPv6(gateway.host) ? 'udp6' : 'udp4');
  closers.push(() => void socket.close());
  // Connected, so that a port nobody listens on is told at once (ICMP) instead of after the deadline.
  socket.connect(gateway.port, gateway.host);
  await once(socket, 'connect');
  const { address: host, port } = socket.address();
  const callId = randomBytes(12).toString('hex');
  const message = optionsTo(gateway, { host, port }, callId);
  const send = (): void => {
    socket.send(message);
    again = clock.after(AGAIN_MS, send);
  };
  let again = clock.after(0, send);
  closers.push(() => again.cancel());
  const code = await withDeadline(
    clock,
    WITHIN_MS,
    `SIP OPTIONS to ${gateway.host}:${gateway.port}`,
    answerOn(socket, callId),
  );
  if (code !== 200) throw new Error(`the gateway answered OPTIONS with ${code}`);
}

const closers = new Closers();
try {
  await ask(closers);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
await closers.close();
