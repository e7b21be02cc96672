/**
 * A host of the simulation: worker threads as pools over a real store and real queues, in a process of its own that
 * can be killed (`node host.js --host`, told what to be by its parent).
 */
import { randomBytes } from 'node:crypto';
import { systemClock as clock } from '../../shared/kernel/clock.ts';
import { Closers } from '../../shared/kernel/closers.ts';
import type { OwnerId } from '../../shared/kernel/ids.ts';
import { createLogger } from '../../shared/kernel/log.ts';
import { openQueue } from '../../shared/queue/queue.ts';
import { openStore } from '../../shared/store/open.ts';
import { unobserved } from '../../worker/pool/observer.ts';
import { openPool } from '../../worker/pool/pool.ts';
import { SimulatedSession, type Told } from './world.ts';

export interface HostOptions {
  readonly redisUrl: string;
  readonly threads: number;
  readonly callsPerThread: number;
  readonly told: Told;
}

/** Opens its threads; the closer ends them as a dead host would: without a word. */
export async function openHost({ redisUrl, threads, callsPerThread, told }: HostOptions): Promise<() => Promise<void>> {
  const log = createLogger('simulate', 'error');
  const closers = new Closers();
  const store = await openStore(redisUrl, { retentionMs: 3_600_000 }, clock, log);
  closers.push(() => store.close());
  const unused = (): never => {
    throw new Error('there is no media in a simulation');
  };
  for (let thread = 0; thread < threads; thread += 1) {
    const queue = await openQueue(redisUrl, clock, log);
    closers.push(() => queue.close());
    await openPool({
      owner: `simulated-${process.pid}-${thread}-${randomBytes(3).toString('hex')}` as OwnerId,
      capacity: callsPerThread,
      queueTimeoutMs: 3_600_000,
      probe: null,
      store,
      queue,
      clock,
      log,
      courier: { wake: () => undefined, owed: () => [], leave: async () => 'empty', deliver: async () => undefined },
      makeLeg: unused,
      makeSession: (ports) => new SimulatedSession(ports, told),
      observe: unobserved,
      shared: {
        parser: { parse: unused, close: unused },
        synthesiser: { synthesise: unused, close: unused },
        allowInsecureWs: true,
        webhook: null,
      },
      newFetcher: () => ({ fetch: unused, cookies: () => [] }),
      newStreams: () => unused,
    });
  }
  return async () => {
    for (const error of await closers.close()) log.debug({ err: error }, 'while closing');
  };
}

export interface HostOrder {
  readonly redisUrl: string;
  readonly threads: number;
  readonly callsPerThread: number;
}

/** From a host in a process of its own: it takes calls, or one came up there, new or from an owner that died. */
export type HostReport = { readonly kind: 'open' | 'up' | 'taken-over' };

if (process.send && process.argv[2] === '--host') {
  const tell = (kind: HostReport['kind']): void => void process.send?.({ kind } satisfies HostReport);
  process.once('message', (order: HostOrder) => {
    openHost({ ...order, told: { onUp: () => tell('up'), onTakenOver: () => tell('taken-over') } }).then(
      () => tell('open'),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
  process.once('disconnect', () => process.exit(0));
}
