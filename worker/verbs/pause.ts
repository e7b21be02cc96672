/** Runs `<Pause>`: Pivot answers and waits, Twilio waits and answers (PROTOCOL §0 row 34, AC-80). */
import { pause as wait } from '../../shared/kernel/deadline.ts';
import type { PauseVerb } from '../../shared/twiml/document.ts';
import type { Executor } from '../call/context.ts';
import { NEXT } from '../call/outcome.ts';

export const pause: Executor<PauseVerb> = async (verb, context) => {
  if (context.call.dialect === 'pivot') await context.answer();
  await wait(context.clock, verb.lengthMs, context.signal);
  await context.answer();
  return NEXT;
};
