/**
 * Why the first server of a list cannot be reached. Of a Cluster, and of Sentinels, ioredis says only that none answers
 * and that a connection was closed; whoever has to put it right must hear of the certificate or the port.
 */
import { Redis } from 'ioredis';
import type { RedisAddress } from './redis-address.ts';

const CONNECT_TIMEOUT_MS = 2000;

/** What a connection to it fails with; null when it does not, or when the address is not a list. */
export async function failureOfFirst(address: RedisAddress): Promise<unknown> {
  if (address.kind !== 'cluster' && address.kind !== 'sentinel') return null;
  const { username, password } = address.kind === 'sentinel' ? address.sentinel : address;
  const probe = new Redis({
    ...address.servers[0],
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(address.tls ? { tls: {} } : {}),
    connectTimeout: CONNECT_TIMEOUT_MS,
    enableReadyCheck: false,
    lazyConnect: true,
    retryStrategy: null,
  });
  let failure: unknown = null;
  probe.on('error', (error: unknown) => {
    failure = error;
  });
  await probe.connect().catch(() => undefined);
  probe.disconnect();
  return failure;
}
