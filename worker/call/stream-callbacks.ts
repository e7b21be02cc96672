/**
 * What the application is told of a stream by HTTP: its own `statusCallback` with Twilio's fields
 * (PROTOCOL §4.5, U19; AC-50, AC-51), and the account's webhook with Pivot's (§2.8; AC-8, AC-27). Each
 * stream that was asked for gets exactly one `stream_stop`, whether it ever started or not (AC-85).
 */
import type { CallRecord, HttpMethod } from '../../shared/domain/call.ts';
import type { Callback } from '../../shared/domain/callback.ts';
import type { StreamError, StreamRecord } from '../../shared/domain/stream.ts';
import type { StopReason } from '../stream/stream.ts';

/** Where the account is told of all its streams: the settings `WEBHOOK_URL` and `WEBHOOK_METHOD`. */
export interface Webhook {
  readonly url: string;
  readonly method: HttpMethod;
}

export type StreamTold =
  | { readonly event: 'started' }
  /** `started`: it had started before. A refused stream stopped with `error` and never started. */
  | {
      readonly event: 'stopped';
      readonly started: boolean;
      readonly reason: StopReason;
      readonly error: StreamError | null;
    };

/** All that is owed for it, in the order it is to be delivered. */
export function streamCallbacks(
  call: CallRecord,
  record: StreamRecord,
  told: StreamTold,
  webhook: Webhook | null,
  nowMs: number,
): readonly Callback[] {
  return [...statusCallbacks(call, record, told, nowMs), ...webhooks(call, record, told, webhook, nowMs)];
}

function statusCallbacks(
  call: CallRecord,
  { sid, spec }: StreamRecord,
  told: StreamTold,
  nowMs: number,
): readonly Callback[] {
  const { statusCallback: url, statusCallbackMethod: method } = spec;
  if (url === null) return [];
  const callback = (event: string, error: StreamError | null = null): Callback => ({
    event: `stream.${event}`,
    url,
    method,
    fields: {
      AccountSid: call.accountSid,
      CallSid: call.sid,
      StreamSid: sid,
      StreamName: spec.name,
      StreamEvent: event,
      ...(error === null ? {} : { StreamError: streamErrorText(error) }),
      Timestamp: new Date(nowMs).toISOString(),
    },
  });
  if (told.event === 'started') return [callback('stream-started')];
  return [
    ...(told.error === null ? [] : [callback('stream-error', told.error)]),
    ...(told.started ? [callback('stream-stopped')] : []),
  ];
}

function webhooks(
  call: CallRecord,
  { sid, spec }: StreamRecord,
  told: StreamTold,
  webhook: Webhook | null,
  nowMs: number,
): readonly Callback[] {
  if (webhook === null) return [];
  const name = told.event === 'started' ? 'stream_start' : 'stream_stop';
  const why =
    told.event === 'started'
      ? {}
      : { reason: told.reason, ...(told.error === null ? {} : { error_message: told.error.message }) };
  const fields = {
    event_name: name,
    account_id: call.accountSid,
    call_id: call.sid,
    stream_id: sid,
    stream_name: spec.name,
    ...why,
    timestamp: String(Math.floor(nowMs / 1000)),
  };
  return [{ event: `webhook.${name}`, ...webhook, fields }];
}

/** `<code> <sentence>`. */
export const streamErrorText = (error: StreamError): string => `${error.code} ${error.message}`;
