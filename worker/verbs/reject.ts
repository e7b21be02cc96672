/** Runs `<Reject>`: before the answer it refuses the call, after it there is only hanging up (PROTOCOL §0 row 35, AC-32). */
import type { RejectVerb } from '../../shared/twiml/document.ts';
import type { Executor } from '../call/context.ts';

export const reject: Executor<RejectVerb> = async (verb, context) => {
  if (context.isAnswered()) return context.end('hangup_verb');
  return context.end(verb.reason === 'busy' ? 'rejected_busy' : 'rejected');
};
