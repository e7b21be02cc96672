/**
 * Twilio's routes for the streams of a call (PROTOCOL §5): the same records, limits and letters as /calls/:sid/streams,
 * so that a stream started here is stopped there and the other way round (AC-86). One-way, in the twilio dialect.
 */
import { isLive, isTwoWay, refusalMessages, type StreamRecord } from '../../shared/domain/stream.ts';
import type { ApiDeps } from '../deps.ts';
import { type Answer, type Asked, type Endpoint, endpoint } from '../endpoint.ts';
import { ApiProblem } from '../problem.ts';
import { findLiveCall, findStream } from '../routes/found.ts';
import { openStream, startProblems, stopStream } from '../routes/stream-orders.ts';
import { askedTrack } from '../schemas/fields.ts';
import {
  type CreateStream,
  createStream,
  customParameters,
  type TwilioStream,
  twilioStream,
  updateStream,
} from './schemas.ts';

const streamsPath = '/2010-04-01/Accounts/:AccountSid/Calls/:CallSid/Streams';

/** The call that a path names. @throws ApiProblem `call_not_found` when the path is another account's. */
function callIn(params: Readonly<Record<string, string>>, { accountSid }: ApiDeps): { readonly sid: string } {
  if (params['AccountSid'] === accountSid) return { sid: params['CallSid'] ?? '' };
  throw new ApiProblem('call_not_found', 'The account in the path is not that of the credentials.');
}

const create = endpoint({
  method: 'post',
  path: `${streamsPath}.json`,
  tag: 'Twilio',
  summary: 'Starts a one-way stream of the call in the twilio dialect.',
  bodyType: 'form',
  body: createStream,
  answers: { 201: { description: 'The stream.', schema: twilioStream } },
  problems: startProblems,
  handle: open,
});

async function open({ params, body }: Asked<CreateStream, unknown>, deps: ApiDeps): Promise<Answer> {
  const { stream, isNew } = await openStream(deps, callIn(params, deps), {
    name: body.Name ?? null,
    wish: {
      url: body.Url,
      dialect: 'twilio',
      track: body.Track === undefined ? undefined : askedTrack.parse(body.Track),
      parameters: customParameters(body),
      statusCallback: body.StatusCallback,
      statusCallbackMethod: body.StatusCallbackMethod,
    },
  });
  // Unlike a PUT, the same POST again asks for another stream.
  if (!isNew) throw new ApiProblem('stream_name_taken', refusalMessages.stream_name_taken);
  return { status: 201, body: view(stream, deps) };
}

const update = endpoint({
  method: 'post',
  path: `${streamsPath}/:Sid.json`,
  tag: 'Twilio',
  summary: 'Stops a one-way stream, by sid or name; one that has stopped stays as it is.',
  bodyType: 'form',
  body: updateStream,
  answers: { 200: { description: 'The stream; the stop follows.', schema: twilioStream } },
  problems: ['invalid', 'call_not_found', 'call_ended', 'stream_not_found'],
  handle: async ({ params }, deps) => {
    const call = await findLiveCall(deps, callIn(params, deps));
    const stream = await findStream(deps, { sid: call.sid, name: params['Sid'] ?? '' });
    if (isTwoWay(stream.spec.mode)) {
      throw new ApiProblem('invalid', 'A two-way stream ends when your server closes its socket or the call ends.');
    }
    await stopStream(deps, stream);
    return { status: 200, body: view({ ...stream, ...stopping(stream, deps) }, deps) };
  },
});

/** What a live stream is told to be: Twilio knows no state between. */
const stopping = ({ status }: StreamRecord, { clock }: ApiDeps): Partial<StreamRecord> =>
  isLive(status) ? { status: 'stopped', stoppedAt: new Date(clock.now()).toISOString() } : {};

function view({ sid, callSid, spec, status, ...times }: StreamRecord, { accountSid }: ApiDeps): TwilioStream {
  const updated = new Date(times.stoppedAt ?? times.startedAt ?? times.createdAt);
  return {
    sid,
    account_sid: accountSid,
    call_sid: callSid,
    name: spec.name === sid ? null : spec.name,
    status: isLive(status) ? 'in-progress' : 'stopped',
    date_updated: updated.toUTCString().replace('GMT', '+0000'),
    uri: `/2010-04-01/Accounts/${accountSid}/Calls/${callSid}/Streams/${sid}.json`,
  };
}

export const twilioStreamEndpoints: readonly Endpoint[] = [create, update];
