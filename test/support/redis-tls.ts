/** A Redis that speaks TLS alone, with the certificate of `test/vectors/tls`; the test itself looks at it by its socket. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { freePort } from './free-ports.ts';
import { exited, startServer, untilListening } from './redis-server.ts';

const vector = (name: string): string => path.resolve('test/vectors/tls', `${name}.pem`);

/** What a service is started with to trust it. */
export const trustEnvironment = { NODE_EXTRA_CA_CERTS: vector('ca') } as const;

/** What `redis-server` needs to speak TLS; the nodes of a Cluster show each other the client's certificate. */
export const tlsSettings = (port: number): Readonly<Record<string, string>> => ({
  'tls-port': String(port),
  'tls-cert-file': vector('server'),
  'tls-key-file': vector('server.key'),
  'tls-client-cert-file': vector('client'),
  'tls-client-key-file': vector('client.key'),
  'tls-ca-cert-file': vector('ca'),
  'tls-auth-clients': 'no',
});

export interface TestTlsRedis {
  readonly port: number;
  /** What `REDIS_URL` takes. */
  readonly url: string;
  readonly look: { readonly url: string };
  stop(): Promise<void>;
}

export async function startTestTlsRedis(): Promise<TestTlsRedis> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pivot-redis-tls-'));
  const socket = path.join(folder, 'redis.sock');
  const port = await freePort();
  const child = startServer(folder, { port: '0', unixsocket: socket, ...tlsSettings(port) });
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited(child);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await untilListening(port);
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, url: `rediss://127.0.0.1:${port}`, look: { url: socket }, stop };
}
