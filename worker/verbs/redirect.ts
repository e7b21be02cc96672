/** Runs `<Redirect>`: the rest of the document is unreachable. It does not answer the call, so a Reject may still follow. */
import type { RedirectVerb } from '../../shared/twiml/document.ts';
import type { Executor } from '../call/context.ts';

export const redirect: Executor<RedirectVerb> = async (verb) => ({
  kind: 'goto',
  document: { kind: 'url', url: verb.url, method: verb.method },
  fields: {},
});
