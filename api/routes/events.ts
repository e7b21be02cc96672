/** /calls/:sid/events: the timeline as pages, or followed live by whoever accepts `text/event-stream`. */
import type { Request, Response } from 'express';
import { isFinal } from '../../shared/domain/call.ts';
import type { ApiDeps } from '../deps.ts';
import { type Endpoint, endpoint } from '../endpoint.ts';
import { ApiProblem } from '../problem.ts';
import { eventPage, listEvents } from '../schemas/event.ts';
import { FOLLOW_BOUNDS, Follower } from './follower.ts';
import { findCall } from './found.ts';
import { placeOf } from './pages.ts';

const FOLLOWERS_RETRY_SECONDS = 10;

const getEvents = endpoint({
  method: 'get',
  path: '/calls/:sid/events',
  tag: 'Calls',
  summary: 'The timeline of a call; with Accept: text/event-stream it is followed until the call has ended.',
  query: listEvents,
  headers: { 'Last-Event-ID': 'Of an event stream: goes on after this `seq`.' },
  answers: {
    200: { description: 'A page, oldest first; the cursor is a `seq`.', schema: eventPage },
    204: { description: 'To a follower: the call has ended and everything was told. Do not come again.' },
  },
  problems: ['invalid', 'call_not_found', 'not_acceptable', 'at_capacity'],
  handle: async ({ params, query, request }, deps, response) => {
    const wanted = request.accepts(['application/json', 'text/event-stream']);
    if (wanted === false) throw new ApiProblem('not_acceptable', 'application/json or text/event-stream.');
    const call = await findCall(deps, params);
    const after = placeOf(query.cursor);
    if (wanted === 'text/event-stream') {
      const seen = lastSeen(request, after);
      if (isFinal(call.status) && (await deps.store.timeline.read(call.sid, seen, 1)).length === 0) {
        return { status: 204 };
      }
      await follow(new Follower(call.sid, seen, deps), response, deps);
      return null;
    }
    const items = await deps.store.timeline.read(call.sid, after, query.limit);
    const last = items.at(-1);
    return { status: 200, body: { items, nextCursor: items.length < query.limit ? null : String(last?.seq) } };
  },
});

/** A browser that comes back tells the last id it saw. */
function lastSeen(request: Request, after: number): number {
  const header = request.get('last-event-id');
  return header !== undefined && /^\d{1,15}$/.test(header) ? Number(header) : after;
}

async function follow(follower: Follower, response: Response, deps: ApiDeps): Promise<void> {
  const { clients } = deps.followBounds ?? FOLLOW_BOUNDS;
  if (deps.stopping.aborted || Follower.count >= clients) {
    throw new ApiProblem('at_capacity', 'Too many clients follow calls here.', {
      retryAfterSeconds: FOLLOWERS_RETRY_SECONDS,
    });
  }
  await follower.run(response);
}

export const eventEndpoints: readonly Endpoint[] = [getEvents];
