/** Finding what a path names, or saying that it is not there. */
import type { CallRecord } from '../../shared/domain/call.ts';
import { isFinal } from '../../shared/domain/call.ts';
import type { StreamRecord } from '../../shared/domain/stream.ts';
import { type CallSid, isCallSid } from '../../shared/kernel/ids.ts';
import type { ApiDeps } from '../deps.ts';
import { ApiProblem } from '../problem.ts';

type Params = Readonly<Record<string, string>>;

/** @throws ApiProblem `call_not_found` when the path does not hold a call's sid. */
export function callSidOf(params: Params): CallSid {
  const text = params['sid'] ?? '';
  if (!isCallSid(text)) throw noCall();
  return text;
}

/** @throws ApiProblem `call_not_found` */
export async function findCall(deps: ApiDeps, params: Params): Promise<CallRecord> {
  const call = await deps.store.calls.get(callSidOf(params));
  if (call === null) throw noCall();
  return call;
}

/** A call that can still be asked something. @throws ApiProblem `call_not_found`, `call_ended` */
export async function findLiveCall(deps: ApiDeps, params: Params): Promise<CallRecord> {
  const call = await findCall(deps, params);
  if (isFinal(call.status)) throw callEnded();
  return call;
}

/** An answered call. @throws ApiProblem `call_not_found`, `call_ended`, `call_not_in_progress` */
export async function findAnsweredCall(deps: ApiDeps, params: Params): Promise<CallRecord> {
  const call = await findLiveCall(deps, params);
  if (call.status !== 'in-progress') throw new ApiProblem('call_not_in_progress', `The call is ${call.status}.`);
  return call;
}

/** By name or sid. @throws ApiProblem `call_not_found`, `stream_not_found` */
export async function findStream(deps: ApiDeps, params: Params): Promise<StreamRecord> {
  const call = await findCall(deps, params);
  const stream = await deps.store.streams.get(call.sid, params['name'] ?? '');
  if (stream === null) throw new ApiProblem('stream_not_found', 'The call has no stream of this name or sid.');
  return stream;
}

export const noCall = (): ApiProblem => new ApiProblem('call_not_found', 'No call has this sid.');
export const callEnded = (): ApiProblem => new ApiProblem('call_ended', 'The call has ended.');
