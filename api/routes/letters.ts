/** Asking a call for something: a letter into its box, then a ring at its owner's bell (docs/design.md). */
import type { CallLetter } from '../../shared/domain/letter.ts';
import type { CallSid, OwnerId } from '../../shared/kernel/ids.ts';
import type { ApiDeps } from '../deps.ts';
import { callEnded, noCall } from './found.ts';

/** @throws ApiProblem `call_ended`, `call_not_found` */
export async function post(deps: ApiDeps, sid: CallSid, letter: CallLetter): Promise<void> {
  const posted = await deps.store.mailbox.postToCall(sid, letter);
  switch (posted.kind) {
    case 'ended':
      throw callEnded();
    case 'unknown':
      throw noCall();
    case 'posted':
      await ring(deps, posted.owner, sid);
  }
}

/**
 * The letter lies in the box already and its reader looks there by itself, so a bell that does not
 * ring costs time, not the letter: the request is not failed for it.
 */
export async function ring(deps: ApiDeps, owner: OwnerId | null, sid: CallSid): Promise<void> {
  if (owner === null) return;
  try {
    await deps.queue.ringOwner(owner, sid);
  } catch (error) {
    deps.logger.warn({ err: error, callSid: sid }, 'bell did not ring');
  }
}
