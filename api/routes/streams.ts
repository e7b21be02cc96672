/** /calls/:sid/streams: starting, showing, changing, stopping. */

import { isLive, isTwoWay, type StreamRecord } from '../../shared/domain/stream.ts';
import type { ApiDeps } from '../deps.ts';
import { type Answer, type Asked, decode, type Endpoint, endpoint, invalid } from '../endpoint.ts';
import {
  listStreams,
  type StartStream,
  startStream,
  streamChange,
  streamName,
  streamPage,
  streamResource,
} from '../schemas/stream.ts';
import { z } from '../schemas/zod.ts';
import { viewStream } from '../views/stream.ts';
import { checkDestinations } from './destinations.ts';
import { findCall, findLiveCall, findStream } from './found.ts';
import { pageOf } from './pages.ts';
import { changeStream, openStream, startProblems, stopStream, streamEnded, streamUrl } from './stream-orders.ts';

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
    problems: startProblems,
    handle: open,
  });

async function open({ params, body }: Asked<StartStream, unknown>, deps: ApiDeps): Promise<Answer> {
  const { name } = decode(z.object({ name: streamName }), params);
  const { reconnect, ...wish } = body;
  const reconnectMs = reconnect === undefined ? undefined : Math.round(reconnect * 1000);
  const order = { name, wish: { ...wish, reconnectMs } };
  const { stream, isNew } = await openStream(deps, { sid: params['sid'] ?? '' }, order);
  if (!isNew) return { status: 200, body: viewStream(stream) };
  return { status: 201, body: viewStream(stream), headers: { Location: locationOf(stream) } };
}

const locationOf = (stream: StreamRecord): string => `/calls/${stream.callSid}/streams/${stream.sid}`;

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
  body: streamChange,
  answers: { 200: { description: 'The stream as it is now; the change follows.', schema: streamResource } },
  problems: [
    'invalid',
    'destination_forbidden',
    'call_not_found',
    'stream_not_found',
    'stream_limit',
    'stream_ended',
    'call_ended',
  ],
  handle: async ({ params, body }, deps) => {
    const url = body.url === undefined ? undefined : streamUrl(body.url, deps);
    await checkDestinations(deps, { url });
    const stream = await findStream(deps, params);
    await findLiveCall(deps, params);
    if (!isLive(stream.status)) throw streamEnded(stream);
    const { track, paused } = body;
    if (track !== undefined && !canChangeTrack(stream, track)) {
      throw invalid([{ path: 'track', code: '31941', message: 'a two-way twilio stream carries the inbound track' }]);
    }
    await changeStream(deps, stream, {
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
    await stopStream(deps, stream);
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
