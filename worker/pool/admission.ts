/**
 * Whether this thread takes another call, decided by what was measured and not by a number of calls: how busy it is
 * and how late its beats come. A pure machine, asked twice a second.
 *
 *            strained three times in a row                 limit = calls + what the rest of the time is good for
 *   open ────────────────────────────────▶ full           limit = 0
 *     ◀────────────────────────────────────  calm six times in a row, or hardly any calls left
 */

/** What was measured since the last look. */
export interface Vitals {
  /** Share of the time in which the thread could not have done anything else, 0 to 1. */
  readonly busy: number;
  /** How late the beats came: on average, and the worst. 0 when there were none. */
  readonly lateMs: number;
  readonly worstMs: number;
}

export interface Admission {
  readonly kind: 'open' | 'full';
  /** Smoothed over about a second. */
  readonly busy: number;
  readonly lateMs: number;
  /** That ran at this look. */
  readonly calls: number;
  /** How many looks in a row said the other thing. */
  readonly looks: number;
  /** How many more calls the thread is good for, as far as can be told. */
  readonly room: number;
  /** What a call takes of the thread, 0 to 1, as measured when there were many and hardly any was set up. */
  readonly share: number;
}

export interface AdmissionBounds {
  /** Calls, whatever is measured; `CALLS_PER_THREAD`. */
  readonly most: number;
  /** The busy share from which on nothing more is taken; `BUSY_LIMIT`. */
  readonly busyLimit: number;
}

/** A smoothed value is this much the newest look. */
const NEWEST = 0.4;
/** Beats this late on average, or one this late, are more than the far ends' jitter buffers should have to hide. */
const LATE_MS = 10;
const WORST_MS = 60;
/** A thread that was full is calm when it is well below all of that. */
const CALM_BUSY = 0.1;
const CALM_LATE_MS = 5;
const CALM_WORST_MS = 40;
const STRAINED_LOOKS = 3;
const CALM_LOOKS = 6;
/** With fewer calls than this it is the machine that is loaded, not the thread: refusing would not help. */
export const HARDLY_ANY = 8;
/** A call with a two-way stream took 0.13 to 0.3 % of a thread where it was measured; used until there is a measurement. */
const ASSUMED_SHARE = 0.003;
const LEAST_SHARE = 0.0001;
const MANY = 30;
/** Calls that were up, whose owner died, are taken up to this share of the time: beyond it none of the thread's calls is on time. */
const ORPHAN_LIMIT = 0.85;
/** More new calls than this between two looks, and their set-up is what was measured. */
const STEADY = 2;
/** Taken between two looks at most, so that the next look sees what they cost. */
const STEP = 40;

export const startsOpen = ({ most }: AdmissionBounds): Admission => ({
  kind: 'open',
  busy: 0,
  lateMs: 0,
  calls: 0,
  looks: 0,
  room: Math.min(most, Math.floor(1 / ASSUMED_SHARE)),
  share: ASSUMED_SHARE,
});

export function next(before: Admission, seen: Vitals, calls: number, bounds: AdmissionBounds): Admission {
  const busy = before.busy + NEWEST * (seen.busy - before.busy);
  const lateMs = before.lateMs + NEWEST * (seen.lateMs - before.lateMs);
  const load = { busy: Math.max(busy, seen.busy), share: shareOf(Math.max(busy, seen.busy), before.calls) };
  const room = Math.min(bounds.most - calls, roomFor(load, calls - before.calls, bounds));
  const isTelling = calls >= MANY && Math.abs(calls - before.calls) <= STEADY;
  const share = isTelling ? shareOf(busy, calls) : before.share;
  const now = { busy, lateMs, calls, share };
  if (calls < HARDLY_ANY)
    return { ...now, kind: 'open', looks: 0, room: Math.min(bounds.most - calls, Math.max(1, room)) };
  if (before.kind === 'open') {
    const isBusy = roomFor(load, 0, bounds) < 1 && calls < bounds.most;
    const isStrained = isBusy || lateMs > LATE_MS || seen.worstMs > WORST_MS;
    const looks = isStrained ? before.looks + 1 : 0;
    return looks < STRAINED_LOOKS ? { ...now, kind: 'open', looks, room } : { ...now, kind: 'full', looks: 0, room: 0 };
  }
  const isCalm = busy < bounds.busyLimit - CALM_BUSY && lateMs < CALM_LATE_MS && seen.worstMs < CALM_WORST_MS;
  const looks = isCalm ? before.looks + 1 : 0;
  return looks < CALM_LOOKS ? { ...now, kind: 'full', looks, room: 0 } : { ...now, kind: 'open', looks: 0, room };
}

/** How many calls may run until the next look. */
export function limitOf(admission: Admission, calls: number, { most }: AdmissionBounds): number {
  return admission.kind === 'full' ? 0 : Math.min(most, calls + Math.min(STEP, admission.room));
}

/** How many calls may run when it is those of an owner that died. */
export function orphanLimitOf({ share }: Admission, { most, busyLimit }: AdmissionBounds): number {
  return Math.min(most, Math.floor(Math.max(ORPHAN_LIMIT, busyLimit) / share));
}

/** What a call takes of the thread. With few of them what the thread does besides weighs too much to tell. */
function shareOf(busy: number, calls: number): number {
  return calls < MANY
    ? Math.max(ASSUMED_SHARE, busy / Math.max(calls, HARDLY_ANY))
    : Math.max(LEAST_SHARE, busy / calls);
}

/** `fresh` calls came since the look before: what they take is hardly seen yet. */
function roomFor(
  load: { readonly busy: number; readonly share: number },
  fresh: number,
  { busyLimit }: AdmissionBounds,
) {
  const expected = load.busy + Math.max(0, fresh) * load.share;
  return Math.max(0, Math.floor((busyLimit - expected) / load.share + 1e-9));
}
