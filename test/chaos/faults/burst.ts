/**
 * The sound of all phones is held back and then comes all at once. Ten seconds later no stream is later than before: what
 * the burst cost is given back. (What applications hold back is the matter of the benchmark: `bench/burst.ts`.)
 */
import { systemClock } from '../../../shared/kernel/clock.ts';
import { pause } from '../../../shared/kernel/deadline.ts';
import type { SocketSeen } from '../app-orders.ts';
import { type Check, everyCall, untouched } from '../judge.ts';
import type { Account } from '../ledger.ts';
import type { Fault } from '../run-fault.ts';
import { steady } from './services.ts';

const GIVEN_BACK_WITHIN_MS = 10_000;
const MOST_MS = 40;

/** Milliseconds by path. */
type Delays = ReadonlyMap<string, number>;

const burst = (ms: number): Fault => {
  let added: Delays = new Map();
  return {
    name: `burst-${ms}`,
    title: `${ms} ms of the phones' sound held back, then all at once`,
    harm: async (scene) => {
      const at = Date.now();
      const before = delays((await scene.appReport()).sockets);
      await scene.phones.ask({ kind: 'hold', ms });
      await pause(systemClock, ms + GIVEN_BACK_WITHIN_MS);
      const after = delays((await scene.appReport()).sockets);
      added = new Map([...after].map(([path, delay]) => [path, delay - (before.get(path) ?? delay)]));
      return { at, hits: new Set() };
    },
    holds: (after) => [untouched(steady(after)), givenBack(after, added)],
  };
};

const delays = (sockets: readonly SocketSeen[]): Delays =>
  new Map(sockets.flatMap(({ path, lagMs }) => (lagMs === null ? [] : [[path, lagMs] as const])));

const givenBack = (accounts: readonly Account[], added: Delays): Check =>
  everyCall('no stream is more than 40 ms later, ten seconds after', steady(accounts), ({ sockets }) => {
    const most = Math.max(0, ...sockets.map(({ path }) => added.get(path) ?? 0));
    return most <= MOST_MS ? null : `${Math.round(most)} ms later`;
  });

export const bursts: readonly Fault[] = [burst(200), burst(1000)];
