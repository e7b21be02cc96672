/** Runs `<Stop><Stream>`: it asks, and does not wait for the goodbyes (AC-24, AC-25). */
import type { StopVerb } from '../../shared/twiml/document.ts';
import type { Executor } from '../call/context.ts';
import { NEXT } from '../call/outcome.ts';

export const stop: Executor<StopVerb> = async (verb, context) => {
  context.streams.stop(verb.target);
  return NEXT;
};
