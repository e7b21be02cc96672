/** A call's record as the resource of /calls: what is inside (plan, checkpoint, SDP) stays inside. */
import type { CallRecord } from '../../shared/domain/call.ts';
import type { CallResource } from '../schemas/call.ts';

export function viewCall(call: CallRecord): CallResource {
  return {
    sid: call.sid,
    accountSid: call.accountSid,
    parentCallSid: call.parentCallSid,
    direction: call.direction,
    from: call.from,
    to: call.to,
    callerName: call.callerName,
    status: call.status,
    dialect: call.dialect,
    createdAt: call.createdAt,
    ringingAt: call.ringingAt,
    answeredAt: call.answeredAt,
    endedAt: call.endedAt,
    queueMs: call.queueMs,
    durationMs: call.durationMs,
    ending: call.ending && {
      cause: call.ending.cause,
      blame: call.ending.blame,
      sipCode: call.ending.sipCode,
      detail: call.ending.detail,
    },
    owner: call.owner,
  };
}
