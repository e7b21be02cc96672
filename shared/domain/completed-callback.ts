/**
 * The `completed` callback of a call that nobody took: it was never told of before, so it is number 0
 * and there is no duration (PROTOCOL §6.1). Calls that were taken owe theirs through `Progress`.
 */
import type { CallRecord } from './call.ts';
import type { Callback } from './callback.ts';
import type { Ending } from './ending.ts';
import { requestParameters } from './request-parameters.ts';

/** Null when the call's creator did not ask for one. */
export function completedCallback(call: CallRecord, ending: Ending, endedAtMs: number): Callback | null {
  const { statusCallback, statusCallbackEvents, statusCallbackMethod } = call.plan;
  if (statusCallback === null || !statusCallbackEvents.includes('completed')) return null;
  const { traceparent } = call.plan;
  return {
    ...(traceparent === undefined ? {} : { traceparent }),
    event: 'call.completed',
    url: statusCallback,
    method: statusCallbackMethod,
    fields: requestParameters(call, ending.status, {
      CallDuration: '0',
      Duration: '0',
      ...(ending.sipCode === null ? {} : { SipResponseCode: String(ending.sipCode) }),
      Timestamp: new Date(endedAtMs).toUTCString().replace('GMT', '+0000'),
      CallbackSource: 'call-progress-events',
      SequenceNumber: '0',
    }),
  };
}
