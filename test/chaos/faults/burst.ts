/**
 * Sound is held back and then comes all at once: of all phones, or of all applications that speak. Ten seconds later it is
 * no later than before: what the burst cost is given back. (Second by second: `bench/burst.ts`.)
 */
import { systemClock } from '../../../shared/kernel/clock.ts';
import { pause } from '../../../shared/kernel/deadline.ts';
import type { SocketSeen } from '../app-orders.ts';
import { type Check, everyCall, untouched } from '../judge.ts';
import type { Account } from '../ledger.ts';
import type { Fault } from '../run-fault.ts';
import type { Scene } from '../scene.ts';
import { steady } from './services.ts';

const GIVEN_BACK_WITHIN_MS = 10_000;
const MOST_MS = 40;

/** Milliseconds by path. */
type Delays = ReadonlyMap<string, number>;

interface Way {
  readonly name: string;
  readonly whose: string;
  /** What moves when sound is later. */
  readonly delay: 'lagMs' | 'markMs';
  readonly hold: (scene: Scene, ms: number) => Promise<unknown>;
}

const burst = ({ name, whose, delay, hold }: Way, ms: number): Fault => {
  let added: Delays = new Map();
  const delays = (sockets: readonly SocketSeen[]): Delays =>
    new Map(sockets.flatMap((socket) => (socket[delay] === null ? [] : [[socket.path, socket[delay]] as const])));
  return {
    name: `${name}-${ms}`,
    title: `${ms} ms of ${whose} sound held back, then all at once`,
    harm: async (scene) => {
      const at = Date.now();
      const before = delays((await scene.appReport()).sockets);
      await hold(scene, ms);
      await pause(systemClock, ms + GIVEN_BACK_WITHIN_MS);
      const after = delays((await scene.appReport()).sockets);
      added = new Map([...before].map(([path, was]) => [path, (after.get(path) ?? Number.POSITIVE_INFINITY) - was]));
      return { at, hits: new Set() };
    },
    holds: (after) => [untouched(steady(after)), givenBack(after, added), someWereHeard(added)],
    figures: () => ({ addedMax: Math.round(Math.max(...added.values())) }),
  };
};

const givenBack = (accounts: readonly Account[], added: Delays): Check =>
  everyCall('no stream is more than 40 ms later, ten seconds after', steady(accounts), ({ sockets }) => {
    const most = Math.max(0, ...sockets.map(({ path }) => added.get(path) ?? 0));
    return Math.round(most) <= MOST_MS ? null : `${Math.round(most)} ms later`;
  });

const someWereHeard = (added: Delays): Check => ({
  what: 'there were streams to measure it by',
  held: added.size > 0,
  detail: 'no delay was told',
});

const phones: Way = {
  name: 'burst',
  whose: "the phones'",
  delay: 'lagMs',
  hold: (scene, ms) => scene.phones.ask({ kind: 'hold', ms }),
};
const apps: Way = {
  name: 'app-burst',
  whose: "the applications'",
  delay: 'markMs',
  hold: (scene, ms) => scene.app.ask({ kind: 'hold', ms }),
};

export const bursts: readonly Fault[] = [phones, apps].flatMap((way) => [burst(way, 200), burst(way, 1000)]);
