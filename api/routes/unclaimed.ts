/** Ending a call that nobody has taken: the record, then its place in the queue and what it owes. */
import type { Ending } from '../../shared/domain/ending.ts';
import type { CallSid } from '../../shared/kernel/ids.ts';
import type { ApiDeps } from '../deps.ts';

export type UnclaimedDeps = Pick<ApiDeps, 'store' | 'queue' | 'clock' | 'logger'>;

/** True when this very step ended it; false when it is owned or has ended. */
export async function endUnclaimed(deps: UnclaimedDeps, sid: CallSid, ending: Ending): Promise<boolean> {
  const done = await deps.store.calls.endUnclaimed(sid, {
    status: ending.status,
    endedAt: new Date(deps.clock.now()).toISOString(),
    ending,
  });
  if (done) await tidy(deps, sid);
  return done;
}

/** The call has ended whatever comes of this: a job of an ended call is dropped by whoever takes it. */
async function tidy(deps: UnclaimedDeps, sid: CallSid): Promise<void> {
  const settled = await Promise.allSettled([deps.queue.dropCall(sid), deps.queue.addCallbacks(sid)]);
  for (const result of settled) {
    if (result.status === 'rejected') {
      deps.logger.warn({ err: result.reason, callSid: sid }, 'an ended call left something in the queues');
    }
  }
}
