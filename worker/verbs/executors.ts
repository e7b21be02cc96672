/** One executor per verb; the compiler checks that none is missing. */
import type { Verb } from '../../shared/twiml/document.ts';
import type { Executor, VerbContext } from '../call/context.ts';
import type { Outcome } from '../call/outcome.ts';
import { connect } from './connect.ts';
import { hangup } from './hangup.ts';
import { pause } from './pause.ts';
import { play } from './play.ts';
import { redirect } from './redirect.ts';
import { reject } from './reject.ts';
import { say } from './say.ts';
import { start } from './start.ts';
import { stop } from './stop.ts';

type Executors = { readonly [Name in Verb['verb']]: Executor<Extract<Verb, { readonly verb: Name }>> };

const executors = {
  Say: say,
  Play: play,
  Pause: pause,
  Hangup: hangup,
  Reject: reject,
  Redirect: redirect,
  Start: start,
  Stop: stop,
  Connect: connect,
} as const satisfies Executors;

/** Runs any verb; see `Executor` for how it ends. */
export function execute<Name extends Verb['verb']>(
  verb: Extract<Verb, { readonly verb: Name }> & { readonly verb: Name },
  context: VerbContext,
): Promise<Outcome> {
  const executor: Executors[Name] = executors[verb.verb];
  return executor(verb, context);
}
