/**
 * Runs `<Connect><Stream>`: the document waits for the two-way stream. The call ends with a stream of the
 * Pivot dialect (AC-26); after one of Twilio's `action` is requested or the next verb runs (AC-35, AC-36;
 * U5, U13, U14). The dialect is the stream's own, whatever the call's is (§14.1).
 */
import type { StreamError } from '../../shared/domain/stream.ts';
import { unlessAborted } from '../../shared/kernel/deadline.ts';
import type { ConnectVerb, StreamNoun } from '../../shared/twiml/document.ts';
import type { Executor, VerbContext } from '../call/context.ts';
import { NEXT, type Outcome, outcomeOf } from '../call/outcome.ts';
import { streamErrorText } from '../call/stream-callbacks.ts';
import type { Opened } from '../call/streams.ts';

export const connect: Executor<ConnectVerb> = async (verb, context) => {
  await context.answer();
  const opened = await open(verb.stream, context);
  for (const noun of verb.more) context.streams.refuse(noun, 'bidirectional_limit');
  const error = opened.kind === 'refused' ? opened.error : (await untilEnded(opened, context)).error;
  const { sid, name } = opened.kind === 'refused' ? opened : opened.stream;
  if (verb.stream.dialect === 'pivot') {
    return error === null ? context.end('stream_ended') : context.end('stream_failed', error.message);
  }
  return verb.action === null ? NEXT : actionOf(verb, verb.action, sid, name, error);
};

/** A document that is cut short leaves no two-way stream behind, whenever its place is claimed. */
async function open(noun: StreamNoun, { signal, streams }: VerbContext): Promise<Opened> {
  const opening = streams.open(noun, signal);
  try {
    return await unlessAborted(signal, opening);
  } catch (error) {
    const opened = opening.then((late) => (late.kind === 'open' ? late.stream.stop('stopped') : undefined));
    opened.catch(() => {});
    throw error;
  }
}

/** A document that is replaced takes its two-way stream with it; a call that ends stops all of them itself. */
async function untilEnded(
  opened: Extract<Opened, { kind: 'open' }>,
  context: VerbContext,
): Promise<{ readonly error: StreamError | null }> {
  try {
    return await unlessAborted(context.signal, opened.ended);
  } catch (error) {
    if (outcomeOf(context.signal)?.kind === 'replace') await opened.stream.stop('stopped');
    throw error;
  }
}

function actionOf(verb: ConnectVerb, url: string, sid: string, name: string, error: StreamError | null): Outcome {
  const failed = error === null ? {} : { StreamError: streamErrorText(error) };
  return {
    kind: 'goto',
    document: { kind: 'url', url, method: verb.method },
    fields: { StreamSid: sid, StreamName: name, ...failed },
  };
}
