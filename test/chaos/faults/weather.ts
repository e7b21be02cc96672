/**
 * A bad network between phones and us, made by the phones: packets lost, late and overtaken, drawn from a seed. Calls
 * hold, what is lost is made up for, and a stream carries its fifty frames a second without a hole.
 */
import { systemClock } from '../../../shared/kernel/clock.ts';
import { pause } from '../../../shared/kernel/deadline.ts';
import { everyCall, untouched } from '../judge.ts';
import type { Account } from '../ledger.ts';
import type { Fault } from '../run-fault.ts';
import { steady } from './services.ts';

const LASTS_MS = 8000;
const PER_SECOND = 50;
/** Of the frames a socket should have carried, the counting at both ends included. */
const MAY_MISS = 0.03;

interface Weather {
  readonly name: string;
  readonly title: string;
  readonly loss: number;
  readonly jitterMs: number;
  /** The longest silence that is right. */
  readonly zeroMs: number;
  /** How quiet the quietest tenth of the frames may be, in dB of what was said. */
  readonly quietDb: number;
}

const badNetwork = ({ name, title, loss, jitterMs, zeroMs, quietDb }: Weather): Fault => {
  let listenedMs = 0;
  let measured: readonly Account['sockets'][number][] = [];
  return {
    name,
    title,
    harm: async (scene) => {
      const at = Date.now();
      await scene.phones.ask({ kind: 'weather', loss, jitterMs, seed: 7 });
      // The jitter buffer learns what kind of network this is.
      await pause(systemClock, 2000);
      await scene.app.ask({ kind: 'listen' });
      const from = systemClock.monotonic();
      await pause(systemClock, LASTS_MS);
      heard = new Map((await scene.appReport()).sockets.map((socket) => [socket.path, socket]));
      listenedMs = systemClock.monotonic() - from;
      await scene.phones.ask({ kind: 'weather', loss: 0, jitterMs: 0, seed: 0 });
      return { at, hits: new Set() };
    },
    holds: (after) => {
      const streaming = steady(after).filter(({ sockets }) => sockets.some(({ path }) => listened(path) !== null));
      measured = streaming.flatMap(({ sockets }) => sockets.flatMap(({ path }) => listened(path) ?? []));
      return [
        untouched(steady(after)),
        everyCall('no hole in the time stamps of a stream', streaming, (call) => holesOf(call)),
        everyCall('fifty frames a second', streaming, (call) => paceOf(call, listenedMs)),
        everyCall(`no silence over ${zeroMs} ms in what the app hears`, streaming, (call) => {
          const longest = Math.max(...call.sockets.map(({ path }) => listened(path)?.zeroMs ?? 0));
          return longest <= zeroMs ? null : `${longest} ms`;
        }),
        everyCall(`what is made up is heard: no tenth of it below ${quietDb} dB`, streaming, (call) => {
          const quietest = Math.min(0, ...call.sockets.map(({ path }) => listened(path)?.quietTenthDb ?? 0));
          return quietest >= quietDb ? null : `${quietest} dB`;
        }),
      ];
    },
    figures: () => {
      return {
        zeroMax: Math.max(...measured.map((socket) => socket.zeroMs)),
        quietTenthDb: Math.min(...measured.map(({ quietTenthDb }) => quietTenthDb)),
        quietHundredthDb: Math.min(...measured.map(({ quietHundredthDb }) => quietHundredthDb)),
      };
    },
  };
};

/** What the app had heard when the weather ended, by path. */
let heard: ReadonlyMap<string, Account['sockets'][number]> = new Map();
/** Raw streams carry no time stamps. */
const listened = (path: string): Account['sockets'][number] | null => {
  const socket = heard.get(path);
  return socket === undefined || socket.heard === 0 ? null : socket;
};

function holesOf({ sockets }: Account): string | null {
  const holes = sockets.reduce((sum, { path }) => sum + (listened(path)?.holes ?? 0), 0);
  return holes === 0 ? null : `${holes} holes`;
}

function paceOf({ sockets }: Account, ms: number): string | null {
  const frames = sockets.reduce((sum, { path }) => sum + (listened(path)?.heard ?? 0), 0);
  const expected = (ms / 1000) * PER_SECOND;
  return Math.abs(frames - expected) <= expected * MAY_MISS + 3 ? null : `${frames} of ${Math.round(expected)}`;
}

export const weather: readonly Fault[] = [
  badNetwork({ name: 'loss-5', title: '5 % of the packets lost', loss: 0.05, jitterMs: 0, zeroMs: 60, quietDb: -6 }),
  badNetwork({
    name: 'loss-20',
    title: '20 % of the packets lost, 50 ms of jitter, reordering',
    loss: 0.2,
    jitterMs: 50,
    zeroMs: 160,
    quietDb: -12,
  }),
];
