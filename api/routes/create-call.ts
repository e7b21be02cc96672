/**
 * POST /calls: the record first, then the job. When the job cannot be queued the record is ended, or waits
 * for the same `Idempotency-Key`; whatever is left is ended as overdue (`overdue.ts`).
 */
import type { CallRecord } from '../../shared/domain/call.ts';
import { isFull } from '../../shared/store/room.ts';
import type { Once, Repeated } from '../../shared/store/store.ts';
import type { Problem } from '../../shared/twiml/problems.ts';
import type { ApiDeps } from '../deps.ts';
import { notQueued } from '../endings.ts';
import { type Answer, endpoint, invalid } from '../endpoint.ts';
import { traceparentOf } from '../middleware/traces.ts';
import { ApiProblem } from '../problem.ts';
import { type CreateCall, createCall, createdCall } from '../schemas/call.ts';
import { viewCall } from '../views/call.ts';
import { checkDestinations } from './destinations.ts';
import { checkDocument, warningsOf } from './judge.ts';
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
    const once = onceOf(request.get('idempotency-key'), body);
    const repeated = once === undefined ? null : await deps.store.calls.repeated(once);
    if (repeated !== null) return await answerRepeated(deps, repeated, body);
    const { url, fallbackUrl, statusCallback } = body;
    await checkDestinations(deps, { url, fallbackUrl, statusCallback });
    checkTrunk(deps, body.trunk);
    const warnings = await checkDocument(deps, body.twiml, body.dialect ?? deps.settings.DIALECT);
    await refuseWhenFull(deps);
    const span = deps.tracer?.start('enqueue call', 'producer', traceparentOf(response)) ?? null;
    try {
      const created = await deps.store.calls.create(newCall(body, deps, span?.traceparent), once);
      if (created.kind !== 'created') return await answerRepeated(deps, created, body);
      await queueOrEnd(deps, created.call, once !== undefined);
      deps.metrics.callsCreated.inc();
      return answer(created.call, warnings, {});
    } finally {
      span?.end();
    }
  },
});

/**
 * A call that was asked for before; when its job was not queued then, it is now. Nothing that could refuse it is looked
 * at: it exists.
 */
async function answerRepeated(deps: ApiDeps, repeated: Repeated, body: CreateCall): Promise<Answer> {
  if (repeated.kind === 'key_reused')
    throw new ApiProblem('idempotency_key_reused', 'Use a new Idempotency-Key for another call.');
  const { call } = repeated;
  if (call.status === 'queued' && call.owner === null) await deps.queue.addCall(call.sid);
  const warnings = await warningsOf(deps, body.twiml, call.dialect);
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
function onceOf(key: string | undefined, body: CreateCall): Once | undefined {
  if (key === undefined) return undefined;
  if (/^[\x21-\x7e]{1,255}$/.test(key)) return { key, fingerprint: fingerprint(body) };
  throw invalid([{ path: 'Idempotency-Key', code: 'invalid_format', message: '1 to 255 visible ASCII characters' }]);
}
