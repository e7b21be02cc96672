/**
 * The course of every fault: calls come up, more are being set up, the harm is done, the system gets
 * over it, all calls are ended, and what was counted is judged.
 */
import { systemClock } from '../../shared/kernel/clock.ts';
import { pause } from '../../shared/kernel/deadline.ts';
import {
  type Check,
  callbacksOnce,
  endedWell,
  goesOn,
  isRepeated,
  noLeaks,
  oneDialog,
  oneFinalStatus,
  oneSocketEach,
} from './judge.ts';
import { type Account, quantile, takeStock } from './ledger.ts';
import { placeSettingUp, placeSteady, upCount } from './population.ts';
import type { Scene } from './scene.ts';

export interface Harm {
  /** Wall time of the fault. */
  readonly at: number;
  /** Sids of the calls it hits; the others must notice nothing. */
  readonly hits: ReadonlySet<string>;
}

export interface Fault {
  /** As `--faults` names it. */
  readonly name: string;
  readonly title: string;
  /** Streams are not expected to be open afterwards. */
  readonly endsStreams?: boolean;
  /** It may cost the calls it hits, all of them. */
  readonly costsHits?: boolean;
  /** Does the harm. The accounts are those of the moment before. Resolves when it is done, not when it is healed. */
  harm(scene: Scene, before: readonly Account[]): Promise<Harm>;
  /** What must hold when the system had time to get over it; beside what holds for every fault. */
  holds(after: readonly Account[], harm: Harm): readonly Check[];
  /** What else it measured, for the table; asked last. */
  figures?(): Readonly<Record<string, number>>;
}

export interface Outcome {
  readonly fault: string;
  readonly figures: Readonly<Record<string, number>>;
  readonly checks: readonly Check[];
}

export interface Size {
  /** Calls that are up. */
  readonly steady: number;
  /** Calls that are being set up when it happens. */
  readonly settingUp: number;
  /** Streams and counters come to rest within this; default 1.5 s. */
  readonly restMs?: number;
}

const HEAL_MS = 25_000;
const REST_MS = 1500;
const END_MS = 30_000;

export async function runFault(scene: Scene, fault: Fault, size: Size): Promise<Outcome> {
  const { steady, settingUp, restMs = REST_MS } = size;
  scene.calls = [];
  await placeSteady(scene, steady);
  await pause(systemClock, restMs);
  const before = await takeStock(scene);
  await placeSettingUp(scene, settingUp);
  await scene.phones.ask({ kind: 'mark' });
  const harm = await fault.harm(scene, before);
  const isLeft = ({ sid }: { readonly sid: string }): boolean => !fault.costsHits || !harm.hits.has(sid);
  // Finds the sids of those that never came up.
  if (fault.costsHits) await takeStock(scene);
  const healed = await heal(scene, scene.calls.filter(isLeft).length);
  await pause(systemClock, restMs);
  const after = await takeStock(scene);
  const kept = after.filter(isLeft);
  const found: Check[] = [goesOn(kept), oneDialog(kept), ...streamsOf(fault, kept), ...fault.holds(after, harm)];
  await endAll(scene);
  const ended = await takeStock(scene);
  found.push(
    oneFinalStatus(ended),
    endedWell(ended.filter(isLeft)),
    callbacksOnce(ended, harm.at),
    noLeaks(await scene.system.leaks()),
  );
  await scene.phones.ask({ kind: 'forget' });
  await scene.app.ask({ kind: 'forget' });
  const repeated = ended.reduce(
    (sum, { callbacks }) => sum + callbacks.filter((callback) => isRepeated(callback, callbacks, harm.at)).length,
    0,
  );
  const figures = { ...figuresOf(after, harm, healed), repeated, ...fault.figures?.() };
  return { fault: fault.name, figures, checks: found };
}

const streamsOf = ({ endsStreams = false }: Fault, after: readonly Account[]): readonly Check[] =>
  endsStreams ? [] : [oneSocketEach(after)];

/** Until every call is up at both ends; answers with how long that took. */
async function heal(scene: Scene, calls: number): Promise<number> {
  const began = systemClock.monotonic();
  await scene.until(async () => (await upCount(scene, scene.calls)) === calls, HEAL_MS);
  return Math.round(systemClock.monotonic() - began);
}

/** Every other one by the API, the rest by their phones. */
async function endAll(scene: Scene): Promise<void> {
  for (const [index, call] of scene.calls.entries()) {
    if (index % 2 === 0) await scene.phones.ask({ kind: 'hang-up', number: call.number });
    else if (call.sid !== '') await scene.system.api('POST', `/calls/${call.sid}`, { status: 'completed' });
  }
  const live = new Set(scene.calls.map(({ sid }) => sid));
  await scene.until(async () => {
    const shown = await scene.shown();
    return shown.every(({ sid, status }) => !live.has(sid) || !['queued', 'ringing', 'in-progress'].includes(status));
  }, END_MS);
  // The last callbacks are on their way.
  await scene.until(async () => {
    const { callbacks } = await scene.appReport();
    const told = new Set(callbacks.filter(({ status }) => status === 'completed').map(({ call }) => call));
    return [...live].every((sid) => told.has(sid));
  }, 10_000);
}

function figuresOf(after: readonly Account[], { hits, at }: Harm, healedMs: number): Outcome['figures'] {
  const hit = after.filter(({ sid }) => hits.has(sid));
  const silence = hit.filter(({ settingUp }) => !settingUp).map(({ line }) => line?.silenceMs ?? 0);
  const others = after.filter(({ sid, settingUp }) => !hits.has(sid) && !settingUp);
  const reopened = hit.flatMap(({ sockets }) => sockets.filter(({ reconnected }) => reconnected));
  return {
    calls: after.length,
    hit: hit.length,
    up: after.filter(({ status, line }) => status === 'in-progress' && line?.state === 'up').length,
    /** Until the last of the hit calls had another owner. */
    claimedMax: quantile(
      hit.map(({ events }) => claimedAfter(events, at)),
      1,
    ),
    silenceP50: quantile(silence, 0.5),
    silenceMax: quantile(silence, 1),
    othersMax: quantile(
      others.map(({ line }) => line?.silenceMs ?? 0),
      1,
    ),
    reopened: reopened.length,
    reopenedMax: quantile(
      reopened.map(({ openedAt }) => openedAt - at),
      1,
    ),
    twoOwners: after.reduce((sum, { line }) => sum + (line?.twoOwners ?? 0), 0),
    healedMs,
  };
}

function claimedAfter(events: Account['events'], at: number): number {
  const claim = events.find((event) => event.type === 'call.claimed' && Date.parse(event.at) >= at);
  return claim === undefined ? 0 : Date.parse(claim.at) - at;
}
