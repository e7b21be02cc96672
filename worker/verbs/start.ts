/** Runs `<Start><Stream>`: the next verb begins before the handshake ends (AC-2); a refused stream changes nothing (U5). */
import { unlessAborted } from '../../shared/kernel/deadline.ts';
import type { StartVerb } from '../../shared/twiml/document.ts';
import type { Executor } from '../call/context.ts';
import { NEXT } from '../call/outcome.ts';

export const start: Executor<StartVerb> = async (verb, context) => {
  await context.answer();
  await unlessAborted(context.signal, context.streams.open(verb.stream));
  return NEXT;
};
