/** The listening socket of the API: bounds on slow clients, and an end that lets answers finish. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../shared/kernel/clock.ts';

const HEADERS_WITHIN_MS = 10_000;
const REQUEST_WITHIN_MS = 30_000;
/** Longer than usual proxies keep theirs, so that the proxy closes first. */
const KEEP_ALIVE_MS = 65_000;

export interface RunningServer {
  readonly host: string;
  readonly port: number;
  /** Takes no more; cuts what has not finished after `withinMs`. Idempotent. */
  close(withinMs: number): Promise<void>;
}

/** @throws the listening error: the port is taken, the address is not ours. */
export async function listen(app: RequestListener, host: string, port: number, clock: Clock): Promise<RunningServer> {
  const server = createServer({ requestTimeout: REQUEST_WITHIN_MS, headersTimeout: HEADERS_WITHIN_MS }, app);
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  let closed: Promise<void> | null = null;
  const close = (withinMs: number): Promise<void> => {
    closed ??= new Promise((resolve) => {
      const timer = clock.after(withinMs, () => server.closeAllConnections());
      server.close(() => {
        timer.cancel();
        resolve();
      });
      server.closeIdleConnections();
    });
    return closed;
  };
  return { host, port: portOf(server.address()), close };
}

const portOf = (address: AddressInfo | string | null): number =>
  typeof address === 'object' && address !== null ? address.port : 0;
