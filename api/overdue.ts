/**
 * Ends calls of ours that nobody took within the queue's time limit: all workers full or away, or a job
 * that was never queued. Every API process looks; the store's step lets one of them end each call.
 * Inbound calls have a caller on the line and are the gateway's to answer: only when their gateway has
 * had its time are they ended here, as it must have gone for good.
 */
import type { Timer } from '../shared/kernel/clock.ts';
import type { CallSid } from '../shared/kernel/ids.ts';
import type { ApiDeps } from './deps.ts';
import { queueTimeout } from './endings.ts';
import { endUnclaimed } from './routes/unclaimed.ts';

const LOOK_EVERY_MS = 5000;
const BATCH = 200;
/** Beyond the queue's time limit, for a gateway that is away for a moment. */
const GATEWAY_GRACE_MS = 60_000;

export type OverdueDeps = Pick<ApiDeps, 'store' | 'queue' | 'clock' | 'logger' | 'metrics' | 'settings'>;

/** One look; answers how many calls it ended. */
export async function endOverdue(deps: OverdueDeps): Promise<number> {
  const { store, clock, settings, metrics } = deps;
  const until = clock.now() - settings.QUEUE_TIMEOUT;
  let all = 0;
  for (;;) {
    const sids = await store.calls.overdue(until, BATCH);
    let ended = 0;
    for (const sid of sids) if (await endOne(deps, sid, until)) ended += 1;
    metrics.callsOverdue.inc(ended);
    all += ended;
    // What is left of a batch are callers who wait for their gateway: the next look sees to them.
    if (sids.length < BATCH || ended === 0) return all;
  }
}

async function endOne(deps: OverdueDeps, sid: CallSid, until: number): Promise<boolean> {
  const call = await deps.store.calls.get(sid);
  if (call === null) return false;
  if (call.direction === 'inbound' && Date.parse(call.createdAt) >= until - GATEWAY_GRACE_MS) return false;
  return await endUnclaimed(deps, call, queueTimeout);
}

/** Looks again and again until told to stop; the closer waits for a look under way. */
export function watchOverdue(deps: OverdueDeps): () => Promise<void> {
  let stopped = false;
  let looking: Promise<void> = Promise.resolve();
  let timer: Timer = { cancel: () => {} };
  const look = async (): Promise<void> => {
    try {
      await endOverdue(deps);
    } catch (error) {
      deps.logger.warn({ err: error }, 'looking for overdue calls failed');
    }
    schedule();
  };
  const schedule = (): void => {
    if (stopped) return;
    timer = deps.clock.after(LOOK_EVERY_MS, () => {
      looking = look();
    });
  };
  schedule();
  return async () => {
    stopped = true;
    timer.cancel();
    await looking;
  };
}
