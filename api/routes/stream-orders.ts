/**
 * Starting and stopping a stream by request, whichever route asked: ours or Twilio's. Whether a stream may start is
 * decided by the store's one step, the same for documents; a refusal has the same sentence everywhere (AC-27, AC-29).
 */
import type { CallRecord } from '../../shared/domain/call.ts';
import type { StreamUpdate } from '../../shared/domain/letter.ts';
import {
  isLive,
  NO_COUNTERS,
  refusalMessages,
  type StreamRecord,
  type StreamRefusal,
} from '../../shared/domain/stream.ts';
import { fillStream, readStreamUrl, type StreamWish } from '../../shared/domain/stream-spec.ts';
import { newStreamSid } from '../../shared/kernel/ids.ts';
import type { ApiDeps } from '../deps.ts';
import { invalid } from '../endpoint.ts';
import { ApiProblem, type ProblemCode } from '../problem.ts';
import { checkDestinations } from './destinations.ts';
import { callEnded, findCall, noCall } from './found.ts';
import { ring } from './letters.ts';

const refusals = {
  stream_name_taken: 'stream_name_taken',
  stream_limit: 'stream_limit',
  bidirectional_limit: 'stream_limit',
  call_not_in_progress: 'call_not_in_progress',
  call_ended: 'call_ended',
  call_not_found: 'call_not_found',
} as const satisfies Record<StreamRefusal, ProblemCode>;

/** What may go wrong with an order to start. */
export const startProblems = [
  'invalid',
  'destination_forbidden',
  'call_not_found',
  'stream_name_taken',
  'stream_limit',
  'call_not_in_progress',
  'call_ended',
] as const satisfies readonly ProblemCode[];

/** A one-way stream as it was asked for; one without a name is called by its sid. */
export interface StreamOrder {
  readonly name: string | null;
  /** Its URL as it was sent. */
  readonly wish: Omit<StreamWish, 'parent'>;
}

/**
 * Writes the stream down and tells the call. `isNew` is false when the same order is live already.
 * @throws ApiProblem any of `startProblems`
 */
export async function openStream(
  deps: ApiDeps,
  path: { readonly sid: string },
  { name, wish }: StreamOrder,
): Promise<{ readonly stream: StreamRecord; readonly isNew: boolean }> {
  const url = streamUrl(wish.url, deps);
  await checkDestinations(deps, { url, statusCallback: wish.statusCallback });
  const call = await findCall(deps, path);
  const opened = await deps.store.streams.open(newStream(name, { ...wish, url }, call, deps), { kind: 'api' });
  switch (opened.kind) {
    case 'refused':
      throw new ApiProblem(refusals[opened.reason], refusalSentence(opened.reason, call));
    case 'lost':
      throw new ApiProblem('call_ended', refusalMessages.call_ended);
    case 'existing':
      return { stream: opened.stream, isNew: false };
    case 'opened':
      await ring(deps, opened.owner, call.sid);
      return { stream: opened.stream, isNew: true };
  }
}

/**
 * Asks the call to change it.
 * @throws ApiProblem `call_not_found`, `call_ended`, `stream_ended`, `stream_limit`
 */
export async function changeStream(deps: ApiDeps, stream: StreamRecord, letter: StreamUpdate): Promise<void> {
  const changed = await deps.store.streams.change(stream, letter);
  switch (changed.kind) {
    case 'unknown':
      throw noCall();
    case 'ended':
      throw callEnded();
    case 'stream_ended':
      throw streamEnded(stream);
    case 'stream_limit':
      throw new ApiProblem('stream_limit', refusalMessages.stream_limit);
    case 'posted':
      await ring(deps, changed.owner, stream.callSid);
  }
}

export const streamEnded = ({ status }: StreamRecord): ApiProblem =>
  new ApiProblem('stream_ended', isLive(status) ? 'The stream has ended.' : `The stream is ${status}.`);

/** Asks the call to stop it; one that has stopped, or whose call has ended, stays as it is. */
export async function stopStream(deps: ApiDeps, { status, callSid, sid }: StreamRecord): Promise<void> {
  if (!isLive(status)) return;
  const posted = await deps.store.mailbox.postToCall(callSid, { kind: 'stream-stop', stream: sid });
  if (posted.kind === 'posted') await ring(deps, posted.owner, callSid);
}

/** The state of the call is the one that was read just before. */
const refusalSentence = (reason: StreamRefusal, { status }: CallRecord): string =>
  reason === 'call_not_in_progress' ? `${refusalMessages[reason]}: it is ${status}` : refusalMessages[reason];

/** @throws ApiProblem `invalid` */
export function streamUrl(text: string, deps: ApiDeps): string {
  const read = readStreamUrl(text, deps.settings.ALLOW_INSECURE_WS);
  if (read.kind === 'url') return read.url;
  throw invalid([{ path: 'url', code: String(read.code), message: read.message }]);
}

function newStream(name: string | null, wish: StreamOrder['wish'], call: CallRecord, deps: ApiDeps): StreamRecord {
  const sid = newStreamSid();
  return {
    sid,
    callSid: call.sid,
    spec: { name: name ?? sid, ...fillStream({ ...wish, parent: 'start' }, call.dialect) },
    status: 'connecting',
    createdAt: new Date(deps.clock.now()).toISOString(),
    startedAt: null,
    stoppedAt: null,
    reason: null,
    error: null,
    counters: NO_COUNTERS,
    origin: 'api',
  };
}
