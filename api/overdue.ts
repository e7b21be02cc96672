/**
 * Ends calls of ours that nobody took within the queue's time limit: all workers full or away, or a job
 * that was never queued. Every API process looks; the store's step lets one of them end each call.
 * Inbound calls have a caller on the line and are the gateway's to answer.
 */
import type { CallRecord } from '../shared/domain/call.ts';
import type { Timer } from '../shared/kernel/clock.ts';
import type { ApiDeps } from './deps.ts';
import { queueTimeout } from './endings.ts';
import { endUnclaimed } from './routes/unclaimed.ts';

const LOOK_EVERY_MS = 5000;
const BATCH = 200;

export type OverdueDeps = Pick<ApiDeps, 'store' | 'queue' | 'clock' | 'logger' | 'metrics' | 'settings'>;

/** One look; answers how many calls it ended. */
export async function endOverdue(deps: OverdueDeps): Promise<number> {
  const until = deps.clock.now() - deps.settings.QUEUE_TIMEOUT;
  let ended = 0;
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof deps.store.calls.list>> = await deps.store.calls.list(
      { status: 'queued', until },
      BATCH,
      cursor,
    );
    for (const call of page.items) if (isOurs(call) && (await endUnclaimed(deps, call.sid, queueTimeout))) ended += 1;
    cursor = page.nextCursor;
  } while (cursor !== null);
  deps.metrics.callsOverdue.inc(ended);
  return ended;
}

const isOurs = (call: CallRecord): boolean => call.owner === null && call.direction !== 'inbound';

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
