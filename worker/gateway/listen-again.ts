/**
 * Listening on the same port as last time. With a set port that is that port; with 0 the first free
 * one is written down in `DATA_DIR`, so that a gateway that is started again finds its dialogs.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { SipUserAgent } from '../sip/sip-call.ts';

const FILE = 'gateway.port';

/** The free port a gateway with this `DATA_DIR` took last; 0 when none did. */
export function lastPort(dataDir: string): number {
  try {
    const port = Number(readFileSync(path.join(dataDir, FILE), 'utf8'));
    return Number.isInteger(port) && port > 0 && port < 65_536 ? port : 0;
  } catch {
    return 0;
  }
}

/** Opens the SIP stack on `port`, or on the port of last time when it is 0, or on any when that is taken. */
export async function listenAgain(
  port: number,
  dataDir: string,
  listen: (port: number) => Promise<SipUserAgent>,
): Promise<SipUserAgent> {
  if (port !== 0) return listen(port);
  const last = lastPort(dataDir);
  const ua = last === 0 ? await listen(0) : await listen(last).catch(() => listen(0));
  try {
    writeFileSync(path.join(dataDir, FILE), String(ua.address.port));
  } catch {
    // Without the file the next start is on another port, and its calls begin anew.
  }
  return ua;
}
