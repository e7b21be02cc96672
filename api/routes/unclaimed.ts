/** Ending a call that nobody has taken: the record, then its place in the queue and what it owes. */
import type { CallRecord } from '../../shared/domain/call.ts';
import { completedCallback } from '../../shared/domain/completed-callback.ts';
import type { Ending } from '../../shared/domain/ending.ts';
import type { CallSid } from '../../shared/kernel/ids.ts';
import type { ApiDeps } from '../deps.ts';

export type UnclaimedDeps = Pick<ApiDeps, 'store' | 'queue' | 'clock' | 'logger' | 'metrics'>;

/** True when this very step ended it; false when it is owned or has ended. */
export async function endUnclaimed(deps: UnclaimedDeps, call: CallRecord, ending: Ending): Promise<boolean> {
  const atMs = deps.clock.now();
  const at = new Date(atMs).toISOString();
  const callback = completedCallback(call, ending, atMs);
  const done = await deps.store.calls.endUnclaimed(
    call.sid,
    { status: ending.status, endedAt: at, ending },
    { entries: [{ at, entry: { type: 'call.ended', ending } }], callbacks: callback ? [callback] : [] },
  );
  if (!done) return false;
  deps.metrics.callsEnded.inc({ direction: call.direction, status: ending.status });
  await tidy(deps, call.sid, callback !== null);
  return true;
}

/** The job goes last: whoever takes the job of an ended call sees to what it owes. */
async function tidy({ queue, logger }: UnclaimedDeps, sid: CallSid, owesCallback: boolean): Promise<void> {
  try {
    if (owesCallback) await queue.addCallbacks(sid);
    await queue.dropCall(sid);
  } catch (error) {
    logger.warn({ err: error, callSid: sid }, 'an ended call left something in the queues');
  }
}
