/**
 * POST /calls: the record first, then the job. When the job cannot be queued the record is ended, or waits
 * for the same `Idempotency-Key`; whatever is left is ended as overdue (`overdue.ts`).
 */
import type { CallRecord } from '../../shared/domain/call.ts';
import { isFull } from '../../shared/store/room.ts';
import type { Problem } from '../../shared/twiml/problems.ts';
import type { ApiDeps } from '../deps.ts';
import { notQueued } from '../endings.ts';
import { type Answer, endpoint, invalid } from '../endpoint.ts';
import { traceparentOf } from '../middleware/traces.ts';
import { ApiProblem } from '../problem.ts';
import { createCall, createdCall } from '../schemas/call.ts';
import { viewCall } from '../views/call.ts';
import { checkDestinations } from './destinations.ts';
import { checkDocument } from './judge.ts';
import { fingerprint, newCall } from './new-call.ts';
import { endUnclaimed } from './unclaimed.ts';

const CAPACITY_RETRY_SECONDS = 5;

export const postCall = endpoint({
  method: 'post',
  path: '/calls',
  tag: 'Calls',
  summary: 'Makes a call that runs a document.',
  body: createCall,
  headers: { 'Idempotency-Key': 'The same key with the same body makes one call, on whichever server it arrives.' },
  answers: { 201: { description: 'The call, queued; `Location` names it.', schema: createdCall } },
  problems: ['invalid', 'twiml_invalid', 'destination_forbidden', 'idempotency_key_reused', 'at_capacity'],
  handle: async ({ body, request }, deps, response) => {
    const key = idempotencyKey(request.get('idempotency-key'));
    const { url, fallbackUrl, statusCallback } = body;
    await checkDestinations(deps, { url, fallbackUrl, statusCallback });
    checkTrunk(deps, body.trunk);
    const warnings = await checkDocument(deps, body.twiml, body.dialect ?? deps.settings.DIALECT);
    await refuseWhenFull(deps);
    const span = deps.tracer?.start('enqueue call', 'producer', traceparentOf(response)) ?? null;
    try {
      return await create(deps, newCall(body, deps, span?.traceparent), fingerprint(body), key, warnings);
    } finally {
      span?.end();
    }
  },
});

async function create(
  deps: ApiDeps,
  call: CallRecord,
  print: string,
  key: string | undefined,
  warnings: readonly Problem[],
): Promise<Answer> {
  const created = await deps.store.calls.create(call, key === undefined ? undefined : { key, fingerprint: print });
  switch (created.kind) {
    case 'key_reused':
      throw new ApiProblem('idempotency_key_reused', 'Use a new Idempotency-Key for another call.');
    case 'repeated':
      return await answerRepeated(deps, created.call, warnings);
    case 'created':
      await queueOrEnd(deps, created.call, key !== undefined);
      deps.metrics.callsCreated.inc();
      return answer(created.call, warnings, {});
  }
}

/** A call that was asked for before; when its job was not queued then, it is now. */
async function answerRepeated(deps: ApiDeps, call: CallRecord, warnings: readonly Problem[]): Promise<Answer> {
  if (call.status === 'queued' && call.owner === null) await deps.queue.addCall(call.sid);
  return answer(call, warnings, { 'Idempotent-Replayed': 'true' });
}

const answer = (call: CallRecord, warnings: readonly Problem[], headers: Record<string, string>): Answer => ({
  status: 201,
  body: { ...viewCall(call), ...(warnings.length === 0 ? {} : { warnings }) },
  headers: { Location: `/calls/${call.sid}`, ...headers },
});

/** @throws ApiProblem `invalid` when there is no trunk of this name. */
function checkTrunk({ trunks }: ApiDeps, name: string | undefined): void {
  if (name === undefined || trunks === undefined || trunks.has(name)) return;
  throw invalid([{ path: 'trunk', code: 'unknown_trunk', message: 'no trunk has this name' }]);
}

/** More wait than may, or every worker measures that it has enough: then waiting would not help. */
async function refuseWhenFull(deps: ApiDeps): Promise<void> {
  const [waiting, owners] = await Promise.all([deps.queue.waiting(), deps.store.presence.owners()]);
  const isLoaded = isFull(owners);
  if (!isLoaded && waiting < deps.settings.QUEUE_LIMIT) return;
  deps.metrics.callsRefused.inc({ code: 'at_capacity' });
  const why = isLoaded ? 'All workers are as busy as they may be.' : `${waiting} calls are waiting already.`;
  throw new ApiProblem('at_capacity', why, { retryAfterSeconds: CAPACITY_RETRY_SECONDS });
}

/** With a key the client will ask again, and then the job is queued: the record waits for that. */
async function queueOrEnd(deps: ApiDeps, call: CallRecord, keyed: boolean): Promise<void> {
  try {
    await deps.queue.addCall(call.sid);
  } catch (error) {
    deps.metrics.callsRefused.inc({ code: 'redis_unavailable' });
    if (!keyed) await endUnqueued(deps, call);
    throw error;
  }
}

async function endUnqueued(deps: ApiDeps, call: CallRecord): Promise<void> {
  try {
    await endUnclaimed(deps, call, notQueued);
  } catch (error) {
    deps.logger.warn({ err: error, callSid: call.sid }, 'unqueued call is left to the overdue check');
  }
}

/** @throws ApiProblem `invalid` when the key is not a plain one. */
function idempotencyKey(text: string | undefined): string | undefined {
  if (text === undefined || /^[\x21-\x7e]{1,255}$/.test(text)) return text;
  throw invalid([{ path: 'Idempotency-Key', code: 'invalid_format', message: '1 to 255 visible ASCII characters' }]);
}
