/**
 * Whether the gateway of this host answers SIP: one OPTIONS over UDP (RFC 3261 §11). Ends with 0 when it is answered
 * in time, with 1 and a line that says why when not. For health checks: `node dist/worker/gateway/probe.js`, with the
 * settings the gateway has.
 */
import { isIPv6 } from 'node:net';
import { systemClock as clock } from '../../shared/kernel/clock.ts';
import { readSettings, type Settings, SettingsError } from '../../shared/settings.ts';
import { pingOptions } from '../sip/options-ping.ts';
import { lastPort } from './listen-again.ts';

const WITHIN_MS = 3000;

/** Where a gateway with these settings listens, seen from the same host. */
function gatewayAddress({ SIP_HOST, SIP_PORT, DATA_DIR }: Settings): {
  readonly address: string;
  readonly port: number;
} {
  const port = SIP_PORT === 0 ? lastPort(DATA_DIR) : SIP_PORT;
  if (port === 0) throw new SettingsError('SIP_PORT is 0 and no gateway has listened yet');
  if (SIP_HOST === '0.0.0.0') return { address: '127.0.0.1', port };
  return { address: SIP_HOST === '::' ? '::1' : SIP_HOST, port };
}

/** Null when it is well. */
async function complaint(): Promise<string | null> {
  const { address, port } = gatewayAddress(readSettings(process.env));
  const place = `${isIPv6(address) ? `[${address}]` : address}:${port}`;
  const pinged = await pingOptions({
    target: { transport: 'udp', address, port },
    uri: `sip:${place}`,
    credentials: null,
    clock,
    withinMs: WITHIN_MS,
  });
  switch (pinged.kind) {
    case 'silent':
      return `SIP OPTIONS to ${place}: no answer within ${WITHIN_MS} ms`;
    case 'unreachable':
      return `SIP OPTIONS to ${place}: ${pinged.code}`;
    case 'answered':
      return pinged.code === 200 ? null : `the gateway answered OPTIONS with ${pinged.code}`;
  }
}

const said = await complaint().catch((error: unknown) => (error instanceof Error ? error.message : String(error)));
if (said !== null) {
  console.error(said);
  process.exitCode = 1;
}
