/** The status callbacks of a stream: PROTOCOL §4.5, U19; AC-50, AC-51. None without a `statusCallback`. */
import type { CallRecord } from '../../shared/domain/call.ts';
import type { Callback } from '../../shared/domain/callback.ts';
import type { StreamError, StreamRecord } from '../../shared/domain/stream.ts';

export type StreamTold =
  | { readonly event: 'stream-started' | 'stream-stopped' }
  | { readonly event: 'stream-error'; readonly error: StreamError };

export function streamCallbacks(
  call: CallRecord,
  { sid, spec }: StreamRecord,
  told: StreamTold,
  nowMs: number,
): readonly Callback[] {
  if (spec.statusCallback === null) return [];
  const fields = {
    AccountSid: call.accountSid,
    CallSid: call.sid,
    StreamSid: sid,
    StreamName: spec.name,
    StreamEvent: told.event,
    ...('error' in told ? { StreamError: streamErrorText(told.error) } : {}),
    Timestamp: new Date(nowMs).toISOString(),
  };
  return [{ event: `stream.${told.event}`, url: spec.statusCallback, method: spec.statusCallbackMethod, fields }];
}

/** `<code> <sentence>`. */
export const streamErrorText = (error: StreamError): string => `${error.code} ${error.message}`;
