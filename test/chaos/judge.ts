/**
 * What must hold, one function a sentence. Each looks at the accounts and answers with a check: held or
 * not, and the calls that broke it. A fault picks what it promises.
 */

import type { CallbackSeen } from './app-orders.ts';
import { hasStream } from './documents.ts';
import type { Account } from './ledger.ts';

export interface Check {
  readonly what: string;
  readonly held: boolean;
  /** The first few that broke it. */
  readonly detail: string;
}

const finals: ReadonlySet<string> = new Set(['completed', 'busy', 'failed', 'no-answer', 'canceled']);
const SHOWN = 4;

/** A sentence that must hold for each call: `broken` says what is wrong with one, or null. */
export function everyCall(what: string, accounts: readonly Account[], broken: (call: Account) => string | null): Check {
  const wrong = accounts.flatMap((call) => {
    const why = broken(call);
    return why === null ? [] : [`${call.sid || call.number} (${call.inbound ? 'in' : 'out'}, ${call.kind}): ${why}`];
  });
  const more = wrong.length > SHOWN ? ` … and ${wrong.length - SHOWN} more` : '';
  return { what, held: wrong.length === 0, detail: wrong.slice(0, SHOWN).join('; ') + more };
}

export const goesOn = (accounts: readonly Account[]): Check =>
  everyCall('every call is up', accounts, ({ status, line }) =>
    status === 'in-progress' && line?.state === 'up'
      ? null
      : `${status}, the phone is ${line?.state ?? 'unknown'}${line?.failed ? ` (${line.failed})` : ''}`,
  );

export const silentAtMost = (accounts: readonly Account[], ms: number, whose = 'any phone'): Check =>
  everyCall(`no silence over ${ms} ms at ${whose}`, accounts, ({ line }) =>
    (line?.silenceMs ?? 0) <= ms ? null : `${line?.silenceMs} ms`,
  );

export const oneDialog = (accounts: readonly Account[]): Check =>
  everyCall('one dialog each, and no BYE', accounts, ({ line }) =>
    line?.dialogs === 1 && line.byes === 0 ? null : `${line?.dialogs} dialogs, ${line?.byes} BYEs`,
  );

export const movedByReinvite = (accounts: readonly Account[]): Check =>
  everyCall('the media was moved by re-INVITE', accounts, ({ line, settingUp }) =>
    settingUp || (line?.reoffers ?? 0) >= 1 ? null : `${line?.reoffers} re-INVITEs`,
  );

export const untouched = (accounts: readonly Account[]): Check =>
  everyCall('calls of others are not touched', accounts, ({ line, events }) => {
    const claims = events.filter(({ type }) => type === 'call.claimed').length;
    return claims === 1 && line?.reoffers === 0 ? null : `${claims} owners, ${line?.reoffers} re-INVITEs`;
  });

export const oneOwnerHeard = (accounts: readonly Account[]): Check =>
  everyCall('no phone heard two owners', accounts, ({ line }) =>
    (line?.twoOwners ?? 0) === 0
      ? null
      : `${line?.twoOwners} packets of the old owner, up to ${line?.twoOwnersMs} ms late`,
  );

/** Streams that were open when the fault happened (`at`) go on over a new socket that says so. */
export const streamsReopened = (accounts: readonly Account[], at: number): Check =>
  everyCall('streams are open again, with reconnected', accounts.filter(wasStreaming(at)), ({ sockets, kind }) => {
    const before = sockets.filter(({ openedAt }) => openedAt < at);
    const again = sockets.filter(({ openedAt }) => openedAt >= at);
    const last = again.at(-1);
    if (last === undefined) return 'no socket came';
    if (last.closedAt !== null || last.lastMediaAt === null) return 'the new socket carries nothing';
    if (kind === 'raw') return null;
    if (!last.reconnected) return 'start says nothing of reconnected';
    return last.stream === before.at(-1)?.stream ? null : 'another streamSid';
  });

export const oneSocketEach = (accounts: readonly Account[]): Check =>
  everyCall('one open socket a stream', accounts, ({ sockets, kind }) => {
    const open = sockets.filter(({ closedAt }) => closedAt === null).length;
    return open === (hasStream(kind) ? 1 : 0) ? null : `${open} are open`;
  });

const wasStreaming =
  (at: number) =>
  ({ sockets }: Account): boolean =>
    sockets.some(({ openedAt, closedAt }) => openedAt < at && (closedAt === null || closedAt >= at));

/** The verb that was cut is run again and none before it; `<Start>` is not repeated. */
export const resumedAtItsVerb = (accounts: readonly Account[]): Check =>
  everyCall('the document goes on at the verb that was cut', accounts, ({ events }) => {
    const claims = events.filter(({ type }) => type === 'call.claimed');
    for (const claim of claims.slice(1)) {
      const verbs = events.filter(({ type }) => type === 'verb.started');
      const before = verbs.filter(({ seq }) => seq < claim.seq).at(-1);
      const after = verbs.find(({ seq }) => seq > claim.seq);
      if (before === undefined || after === undefined) continue;
      const expected = before['verb'] === 'Start' ? Number(before['index']) + 1 : Number(before['index']);
      if (Number(after['index']) !== expected)
        return `was at ${before['verb']} ${before['index']}, went on at ${after['verb']} ${after['index']}`;
    }
    return null;
  });

/** For accounts taken when all calls are over. */
export const oneFinalStatus = (accounts: readonly Account[]): Check =>
  everyCall('one final status each', accounts, ({ status, events }) => {
    const ends = events.filter(({ type }) => type === 'call.ended').length;
    return finals.has(status) && ends === 1 ? null : `${status}, ended ${ends} times`;
  });

export const endedWell = (accounts: readonly Account[]): Check =>
  everyCall('every call ended as it was asked to', accounts, ({ status, events }) => {
    const end = events.find(({ type }) => type === 'call.ended');
    return status === 'completed' ? null : `${status}: ${JSON.stringify(end?.['ending'])}`;
  });

/** What was on its way to the app when its courier died may be asked again: nobody could know that it arrived. */
const UNDERWAY_MS = 500;

/** Each number once, none left out, the final one last; `at`: when couriers may have died. */
export const callbacksOnce = (accounts: readonly Account[], at: number): Check =>
  everyCall('every callback once and in order', accounts, ({ callbacks }) => {
    const once = callbacks.filter((callback) => !isRepeated(callback, callbacks, at));
    const numbers = once.map(({ sequence }) => Number(sequence));
    if (numbers.some((number, index) => number !== index)) return `came as ${numbers.join(' ')}`;
    const last = once.at(-1);
    return last !== undefined && finals.has(last.status) ? null : `the last one is ${last?.status ?? 'none'}`;
  });

/** Whether it came before, within the moment of the fault. */
export function isRepeated(callback: CallbackSeen, all: readonly CallbackSeen[], at: number): boolean {
  const first = all.find(({ sequence }) => sequence === callback.sequence);
  return first !== undefined && first !== callback && first.at <= at && first.at > at - UNDERWAY_MS;
}

export const noLeaks = (leaks: readonly string[]): Check => ({
  what: 'nothing is left of the calls',
  held: leaks.length === 0,
  detail: leaks.slice(0, SHOWN).join('; '),
});
