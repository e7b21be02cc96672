/** /calls: listing, showing, changing, and pressing digits. Creating is in `create-call.ts`. */
import type { CallRecord } from '../../shared/domain/call.ts';
import type { CallFilter } from '../../shared/store/store.ts';
import type { ApiDeps } from '../deps.ts';
import { endedInQueue } from '../endings.ts';
import { type Endpoint, endpoint } from '../endpoint.ts';
import { ApiProblem } from '../problem.ts';
import { callPage, callResource, changeCall, listCalls, pressDigits } from '../schemas/call.ts';
import type { z } from '../schemas/zod.ts';
import { viewCall } from '../views/call.ts';
import { postCall } from './create-call.ts';
import { checkDestinations } from './destinations.ts';
import { callEnded, findAnsweredCall, findCall, findLiveCall } from './found.ts';
import { checkDocument } from './judge.ts';
import { post } from './letters.ts';
import { documentSource } from './new-call.ts';
import { endUnclaimed } from './unclaimed.ts';

const getCalls = endpoint({
  method: 'get',
  path: '/calls',
  tag: 'Calls',
  summary: 'Lists calls, newest first.',
  query: listCalls,
  answers: { 200: { description: 'A page of calls.', schema: callPage } },
  problems: ['invalid'],
  handle: async ({ query }, deps) => {
    const page = await deps.store.calls.list(filterOf(query), query.limit, query.cursor ?? null);
    return { status: 200, body: { items: page.items.map(viewCall), nextCursor: page.nextCursor } };
  },
});

function filterOf(query: z.output<typeof listCalls>): CallFilter {
  const { status, to, from, since, until } = query;
  return {
    ...(status === undefined ? {} : { status }),
    ...(to === undefined ? {} : { to }),
    ...(from === undefined ? {} : { from }),
    ...(since === undefined ? {} : { since: Date.parse(since) }),
    ...(until === undefined ? {} : { until: Date.parse(until) }),
  };
}

const getCall = endpoint({
  method: 'get',
  path: '/calls/:sid',
  tag: 'Calls',
  summary: 'Shows a call.',
  answers: { 200: { description: 'The call.', schema: callResource } },
  problems: ['call_not_found'],
  handle: async ({ params }, deps) => ({ status: 200, body: viewCall(await findCall(deps, params)) }),
});

const postChange = endpoint({
  method: 'post',
  path: '/calls/:sid',
  tag: 'Calls',
  summary: 'Ends a call, or goes on with another document.',
  body: changeCall,
  answers: { 200: { description: 'The call as it is now; the change follows.', schema: callResource } },
  problems: [
    'invalid',
    'twiml_invalid',
    'destination_forbidden',
    'call_not_found',
    'call_not_in_progress',
    'call_in_progress',
    'call_ended',
  ],
  handle: async ({ params, body }, deps) => {
    await checkDestinations(deps, { url: body.url });
    if (body.status !== undefined) {
      const call = await findLiveCall(deps, params);
      return { status: 200, body: viewCall(await end(deps, call, body.status)) };
    }
    const call = await findAnsweredCall(deps, params);
    await checkDocument(deps, body.twiml, call.dialect);
    await post(deps, call.sid, { kind: 'replace', document: documentSource(body, call.dialect) });
    return { status: 200, body: viewCall(call) };
  },
});

/** Ends a call nobody has taken at once; asks the owner of any other. */
async function end(deps: ApiDeps, call: CallRecord, status: 'completed' | 'canceled'): Promise<CallRecord> {
  if (status === 'canceled' && call.status === 'in-progress') {
    throw new ApiProblem('call_in_progress', 'A call in progress is ended with status completed.');
  }
  if (await endInQueue(deps, call, status)) return (await deps.store.calls.get(call.sid)) ?? call;
  await post(deps, call.sid, { kind: 'end', status });
  return call;
}

/** Only a call of ours that never left the queue: an inbound one has a caller who must be answered. */
async function endInQueue(deps: ApiDeps, call: CallRecord, asked: 'completed' | 'canceled'): Promise<boolean> {
  if (call.status !== 'queued' || call.owner !== null || call.direction === 'inbound') return false;
  if (await endUnclaimed(deps, call, endedInQueue(asked))) return true;
  const now = await deps.store.calls.get(call.sid);
  if (now !== null && now.endedAt !== null) throw callEnded();
  return false;
}

const postDigits = endpoint({
  method: 'post',
  path: '/calls/:sid/digits',
  tag: 'Calls',
  summary: 'Presses digits towards the far end.',
  body: pressDigits,
  answers: { 202: { description: 'The call; the digits follow.', schema: callResource } },
  problems: ['invalid', 'call_not_found', 'call_not_in_progress', 'call_ended'],
  handle: async ({ params, body }, deps) => {
    const call = await findAnsweredCall(deps, params);
    await post(deps, call.sid, { kind: 'press', digits: body.digits });
    return { status: 202, body: viewCall(call) };
  },
});

export const callEndpoints: readonly Endpoint[] = [postCall, getCalls, getCall, postChange, postDigits];
