/** From the body of POST /calls to the record of a call, with every default filled in. */
import { createHash } from 'node:crypto';
import type { CallPlan, CallProgressEvent, CallRecord, DocumentSource } from '../../shared/domain/call.ts';
import type { Dialect } from '../../shared/domain/dialect.ts';
import { newCallSid } from '../../shared/kernel/ids.ts';
import type { ApiDeps } from '../deps.ts';
import type { CreateCall } from '../schemas/call.ts';

const RING_TIMEOUT_S = 60;
const TIME_LIMIT_S = 14_400;

/** GET in the pivot dialect, POST in the twilio one (PROTOCOL §3.1, §6). */
export const documentMethod = (dialect: Dialect): 'GET' | 'POST' => (dialect === 'pivot' ? 'GET' : 'POST');

/** The document a body names: exactly one of its two fields is set. */
export function documentSource(
  body: { url?: string | undefined; method?: 'GET' | 'POST' | undefined; twiml?: string | undefined },
  dialect: Dialect,
): DocumentSource {
  if (body.url === undefined) return { kind: 'inline', twiml: body.twiml ?? '' };
  return { kind: 'url', url: body.url, method: body.method ?? documentMethod(dialect) };
}

/** `traceparent`: trace context of the request; null without traces. */
export function newCall(body: CreateCall, deps: ApiDeps, traceparent: string | null = null): CallRecord {
  const dialect = body.dialect ?? deps.settings.DIALECT;
  return {
    sid: newCallSid(),
    accountSid: deps.accountSid,
    parentCallSid: null,
    direction: 'outbound-api',
    from: body.from,
    to: body.to,
    callerName: body.callerName ?? null,
    status: 'queued',
    dialect,
    createdAt: new Date(deps.clock.now()).toISOString(),
    ringingAt: null,
    answeredAt: null,
    endedAt: null,
    queueMs: null,
    durationMs: null,
    ending: null,
    owner: null,
    plan: { ...planOf(body, dialect), ...(traceparent === null ? {} : { traceparent }) },
    gateway: null,
    offer: null,
    checkpoint: null,
  };
}

function planOf(body: CreateCall, dialect: Dialect): CallPlan {
  return {
    document: documentSource(body, dialect),
    fallbackUrl: body.fallbackUrl ?? null,
    statusCallback: body.statusCallback ?? null,
    statusCallbackMethod: body.statusCallbackMethod ?? 'POST',
    statusCallbackEvents: [...new Set<CallProgressEvent>(body.statusCallbackEvent ?? ['completed'])],
    ringTimeoutMs: (body.timeout ?? RING_TIMEOUT_S) * 1000,
    timeLimitMs: (body.timeLimit ?? TIME_LIMIT_S) * 1000,
    sendDigits: body.sendDigits ?? null,
    trunk: body.trunk ?? null,
    headers: body.headers ?? {},
  };
}

/** The same for the same body whatever the order of its fields: what `Idempotency-Key` compares. */
export function fingerprint(body: unknown): string {
  return createHash('sha256').update(canonical(body)).digest('hex');
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  fields.sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join(',')}}`;
}
