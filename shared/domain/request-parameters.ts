/** What every request about a call tells: PROTOCOL §3.2 (Pivot), §7.1 (Twilio). */
import type { CallRecord } from './call.ts';

/** The record's fixed facts, its status as the application is told it, and what comes on top. */
export function requestParameters(
  call: CallRecord,
  status: string,
  extra: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const both = {
    CallSid: call.sid,
    AccountSid: call.accountSid,
    From: call.from,
    To: call.to,
    CallStatus: status,
    ApiVersion: '2010-04-01',
    ...(call.parentCallSid === null ? {} : { ParentCallSid: call.parentCallSid }),
  };
  if (call.dialect === 'pivot') {
    return {
      ...extra,
      ...both,
      Direction: call.direction === 'inbound' ? 'inbound' : 'outbound',
      FromRealm: realmOf(call.from),
      ToRealm: realmOf(call.to),
      CallerName: call.callerName ?? '',
      CallerNumber: userOf(call.from),
    };
  }
  const name = call.callerName === null ? {} : { CallerName: call.callerName };
  return { ...extra, ...both, Direction: call.direction, ...name };
}

/** The host of a SIP address; empty for a bare number. */
function realmOf(party: string): string {
  return /@([^;>?]+)/.exec(party)?.[1] ?? '';
}

function userOf(party: string): string {
  return /^(?:sips?:)?([^@;>]*)/.exec(party)?.[1] ?? party;
}
