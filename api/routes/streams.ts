/**
 * /calls/:sid/streams: starting, showing, changing, stopping. Whether a stream may start is decided by the
 * store's one step, the same for documents; a refusal has the same sentence everywhere (AC-27, AC-29).
 */

import type { CallRecord } from '../../shared/domain/call.ts';
import {
  isLive,
  isTwoWay,
  NO_COUNTERS,
  refusalMessages,
  type StreamRecord,
  type StreamRefusal,
} from '../../shared/domain/stream.ts';
import { fillStream, readStreamUrl } from '../../shared/domain/stream-spec.ts';
import { newStreamSid } from '../../shared/kernel/ids.ts';
import type { ApiDeps } from '../deps.ts';
import { type Answer, type Asked, decode, type Endpoint, endpoint, invalid } from '../endpoint.ts';
import { ApiProblem, type ProblemCode } from '../problem.ts';
import {
  changeStream,
  listStreams,
  type StartStream,
  startStream,
  streamName,
  streamPage,
  streamResource,
} from '../schemas/stream.ts';
import { z } from '../schemas/zod.ts';
import { viewStream } from '../views/stream.ts';
import { checkDestinations } from './destinations.ts';
import { findCall, findLiveCall, findStream } from './found.ts';
import { post, ring } from './letters.ts';
import { pageOf } from './pages.ts';

const refusals = {
  stream_name_taken: 'stream_name_taken',
  stream_limit: 'stream_limit',
  bidirectional_limit: 'stream_limit',
  call_not_in_progress: 'call_not_in_progress',
  call_ended: 'call_ended',
  call_not_found: 'call_not_found',
} as const satisfies Record<StreamRefusal, ProblemCode>;

const start = (method: 'put' | 'post'): Endpoint =>
  endpoint({
    method,
    path: '/calls/:sid/streams/:name',
    tag: 'Streams',
    summary: 'Starts a one-way stream of the call.',
    body: startStream,
    answers: {
      200: { description: 'The same stream is live already.', schema: streamResource },
      201: { description: 'The stream, connecting.', schema: streamResource },
    },
    problems: [
      'invalid',
      'destination_forbidden',
      'call_not_found',
      'stream_name_taken',
      'stream_limit',
      'call_not_in_progress',
      'call_ended',
    ],
    handle: open,
  });

async function open({ params, body }: Asked<StartStream, unknown>, deps: ApiDeps): Promise<Answer> {
  const { name } = decode(z.object({ name: streamName }), params);
  const url = streamUrl(body.url, deps);
  await checkDestinations(deps, { url, statusCallback: body.statusCallback });
  const call = await findCall(deps, params);
  const opened = await deps.store.streams.open(newStream(name, { ...body, url }, call, deps), { kind: 'api' });
  switch (opened.kind) {
    case 'refused':
      throw new ApiProblem(refusals[opened.reason], refusalSentence(opened.reason, call));
    case 'lost':
      throw new ApiProblem('call_ended', refusalMessages.call_ended);
    case 'existing':
      return { status: 200, body: viewStream(opened.stream) };
    case 'opened':
      await ring(deps, opened.owner, call.sid);
      return { status: 201, body: viewStream(opened.stream), headers: { Location: locationOf(opened.stream) } };
  }
}

/** The state of the call is the one that was read just before. */
const refusalSentence = (reason: StreamRefusal, { status }: CallRecord): string =>
  reason === 'call_not_in_progress' ? `${refusalMessages[reason]}: it is ${status}` : refusalMessages[reason];

const locationOf = (stream: StreamRecord): string => `/calls/${stream.callSid}/streams/${stream.sid}`;

/** @throws ApiProblem `invalid` */
function streamUrl(text: string, deps: ApiDeps): string {
  const read = readStreamUrl(text, deps.settings.ALLOW_INSECURE_WS);
  if (read.kind === 'url') return read.url;
  throw invalid([{ path: 'url', code: String(read.code), message: read.message }]);
}

function newStream(name: string, body: StartStream, call: CallRecord, deps: ApiDeps): StreamRecord {
  const { reconnect, ...wish } = body;
  const reconnectMs = reconnect === undefined ? undefined : Math.round(reconnect * 1000);
  return {
    sid: newStreamSid(),
    callSid: call.sid,
    spec: { name, ...fillStream({ ...wish, parent: 'start', reconnectMs }, call.dialect) },
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

const getStreams = endpoint({
  method: 'get',
  path: '/calls/:sid/streams',
  tag: 'Streams',
  summary: 'Lists the streams of a call in the order they were opened.',
  query: listStreams,
  answers: { 200: { description: 'A page of streams.', schema: streamPage } },
  problems: ['invalid', 'call_not_found'],
  handle: async ({ params, query }, deps) => {
    const call = await findCall(deps, params);
    const streams = await deps.store.streams.list(call.sid);
    const page = pageOf(streams, query.limit, query.cursor);
    return { status: 200, body: { items: page.items.map(viewStream), nextCursor: page.nextCursor } };
  },
});

const getStream = endpoint({
  method: 'get',
  path: '/calls/:sid/streams/:name',
  tag: 'Streams',
  summary: 'Shows a stream, by name or sid, with its counters.',
  answers: { 200: { description: 'The stream.', schema: streamResource } },
  problems: ['call_not_found', 'stream_not_found'],
  handle: async ({ params }, deps) => ({ status: 200, body: viewStream(await findStream(deps, params)) }),
});

const patchStream = endpoint({
  method: 'patch',
  path: '/calls/:sid/streams/:name',
  tag: 'Streams',
  summary: 'Pauses, resumes, or moves a live stream without a new start.',
  body: changeStream,
  answers: { 200: { description: 'The stream as it is now; the change follows.', schema: streamResource } },
  problems: ['invalid', 'destination_forbidden', 'call_not_found', 'stream_not_found', 'stream_ended', 'call_ended'],
  handle: async ({ params, body }, deps) => {
    const url = body.url === undefined ? undefined : streamUrl(body.url, deps);
    await checkDestinations(deps, { url });
    const stream = await findStream(deps, params);
    if (!isLive(stream.status)) throw new ApiProblem('stream_ended', `The stream is ${stream.status}.`);
    const { track, paused } = body;
    if (track !== undefined && !canChangeTrack(stream, track)) {
      throw invalid([{ path: 'track', code: '31941', message: 'a two-way twilio stream carries the inbound track' }]);
    }
    await findLiveCall(deps, params);
    await post(deps, stream.callSid, {
      kind: 'stream-update',
      stream: stream.sid,
      ...(paused === undefined ? {} : { paused }),
      ...(track === undefined ? {} : { track }),
      ...(url === undefined ? {} : { url }),
    });
    return { status: 200, body: viewStream(stream) };
  },
});

/** Twilio's two-way streams carry what the far party says and nothing else (AC-38). */
const canChangeTrack = (stream: StreamRecord, track: string): boolean =>
  !(isTwoWay(stream.spec.mode) && stream.spec.dialect === 'twilio' && track !== 'inbound');

const deleteStream = endpoint({
  method: 'delete',
  path: '/calls/:sid/streams/:name',
  tag: 'Streams',
  summary: 'Stops a stream; one that has stopped stays as it is.',
  answers: { 200: { description: 'The stream as it is now; the stop follows.', schema: streamResource } },
  problems: ['call_not_found', 'stream_not_found'],
  handle: async ({ params }, deps) => {
    const stream = await findStream(deps, params);
    if (!isLive(stream.status)) return { status: 200, body: viewStream(stream) };
    const posted = await deps.store.mailbox.postToCall(stream.callSid, { kind: 'stream-stop', stream: stream.sid });
    if (posted.kind === 'posted') await ring(deps, posted.owner, stream.callSid);
    return { status: 200, body: viewStream(stream) };
  },
});

export const streamEndpoints: readonly Endpoint[] = [
  start('put'),
  start('post'),
  getStreams,
  getStream,
  patchStream,
  deleteStream,
];
