/** Runs `<Hangup>`: a call that is not answered is answered first; only Reject avoids that (PROTOCOL §3.4). */
import type { HangupVerb } from '../../shared/twiml/document.ts';
import type { Executor } from '../call/context.ts';

export const hangup: Executor<HangupVerb> = async (_verb, context) => {
  await context.answer();
  return context.end('hangup_verb');
};
