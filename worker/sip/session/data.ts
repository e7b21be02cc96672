/**
 * A call's signalling state as JSON: the dialog, where the usage stands, and of an unanswered INVITE
 * as much as answering, cancelling or acknowledging it needs after a restart. No credentials.
 */
import { z } from 'zod';
import type { IncomingRequest, SipRequest } from '../message/message.ts';
import { parseDatagram } from '../message/parse.ts';
import { serialise } from '../message/serialise.ts';
import type { SipCallData } from '../sip-call.ts';

const transport = z.enum(['udp', 'tcp']);
const flow = z.object({ transport, address: z.string(), port: z.number() });
const dialog = z.object({
  callId: z.string(),
  localTag: z.string(),
  remoteTag: z.string(),
  local: z.string(),
  remote: z.string(),
  remoteTarget: z.string(),
  contact: z.string(),
  routeSet: z.array(z.string()),
  localCSeq: z.number(),
  remoteCSeq: z.number().nullable(),
  transport,
  flow: flow.nullable(),
  /** Data of a version that did not look. */
  translated: z.boolean().default(false),
});
const usage = z.discriminatedUnion('phase', [
  z.object({ phase: z.enum(['calling', 'trying', 'ringing', 'invited', 'up', 'leaving', 'ended']) }),
  z.object({ phase: z.literal('cancelling'), sent: z.boolean(), code: z.number(), reason: z.string() }),
  z.object({ phase: z.literal('answered'), ending: z.boolean() }),
]);
/** A request as text, and the far end it came from or went to. */
const kept = z.object({ text: z.string(), flow });
const callData = z.object({
  version: z.literal(1),
  role: z.enum(['caller', 'callee']),
  usage,
  dialog,
  /** Their INVITE while we have not answered it or our 2xx is not acknowledged. */
  invite: kept.nullable(),
  /** The body of our unacknowledged 2xx. */
  answer: z.string().nullable(),
  /** Our INVITE while it has no final answer. */
  sent: kept.nullable(),
  lateOffer: z.boolean(),
  /** Wall time at which our INVITE is given up. */
  ringUntil: z.number().nullable(),
});

export type KeptCall = z.infer<typeof callData>;
export type KeptRequest = z.infer<typeof kept>;

export const toCallData = (call: KeptCall): SipCallData => ({ ...call });

/** Throws when it is not what `toCallData` gave: data of another program is a bug, not an event. */
export function fromCallData(data: SipCallData): KeptCall {
  return callData.parse(data);
}

/** The request as text; a body is not kept, nobody asks for it again. */
export function keepRequest(request: SipRequest, where: KeptRequest['flow']): KeptRequest {
  const headers = request.headers.copy();
  headers.remove('content-type');
  return { text: serialise({ ...request, headers, body: '' }).toString(), flow: where };
}

export function recallRequest(request: KeptRequest | null): IncomingRequest | null {
  const result = request && parseDatagram(Buffer.from(request.text));
  return result?.ok && result.message.kind === 'request' ? result.message : null;
}
