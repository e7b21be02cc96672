/**
 * How SIP messages are told in the timeline: one entry for each that matters, by what it did.
 * 100, answers to BYE, CANCEL and INFO that went well, and keep-alives are not told.
 */
import type { TimelineEntry } from '../../shared/domain/event.ts';

export interface SipSummary {
  readonly method: string;
  readonly code: number | null;
  readonly reason: string | null;
}

const requests: Readonly<Record<string, `sip.${string}`>> = {
  ACK: 'sip.ack',
  BYE: 'sip.bye',
  CANCEL: 'sip.cancel',
  UPDATE: 'sip.update',
  INFO: 'sip.info',
  PRACK: 'sip.prack',
  REFER: 'sip.refer',
};

function answerType(method: string, code: number, inDialog: boolean): `sip.${string}` | null {
  if (code <= 100) return null;
  if (method === 'INVITE') {
    if (code === 180) return 'sip.ringing';
    if (code < 200) return 'sip.progress';
    if (code === 401 || code === 407) return 'sip.challenged';
    if (inDialog) return code < 300 ? 'sip.reinvite.answered' : 'sip.reinvite.failed';
    return code < 300 ? 'sip.answered' : 'sip.failed';
  }
  const request = requests[method];
  return request && code >= 300 ? `${request}.failed` : null;
}

/** The entry of a message; null when it is not worth one. `inDialog`: the call was answered before. */
export function sipEntry(way: 'in' | 'out', summary: SipSummary, inDialog: boolean): TimelineEntry | null {
  const { method, code, reason } = summary;
  if (code === null) {
    const type = method === 'INVITE' ? (inDialog ? 'sip.reinvite' : 'sip.invite') : requests[method];
    return type ? { type, way } : null;
  }
  const type = answerType(method, code, inDialog);
  if (!type) return null;
  return reason ? { type, way, code, reason } : { type, way, code };
}
