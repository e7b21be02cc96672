/** A leg as it lies in Redis: which way, how far, and the SIP stack's own data. Read again at start. */
import { z } from 'zod';
import type { SipCallData } from '../sip/sip-call.ts';
import type { LegStage } from './gateway-leg.ts';
import type { MediaPlace } from './media-place.ts';

const schema = z.object({
  version: z.literal(1),
  way: z.enum(['in', 'out']),
  stage: z.enum(['invited', 'calling', 'up', 'ended']),
  data: z.record(z.string(), z.unknown()).nullable(),
  /** The user of the trunk our INVITE went to, for digest: the password is in the settings. */
  username: z.string().nullish(),
  /** Where the media of the call's owner is. */
  media: z.object({ address: z.string(), port: z.number() }).nullish(),
});

export type StoredLeg = z.output<typeof schema>;

export const storedLeg = (
  way: 'in' | 'out',
  stage: LegStage,
  data: SipCallData | null,
  username: string | null,
  media: MediaPlace | null,
): StoredLeg => ({
  version: 1,
  way,
  stage,
  data: data === null ? null : { ...data },
  ...(username === null ? {} : { username }),
  ...(media === null ? {} : { media: { address: media.address, port: media.port } }),
});

/** Null when it was written by a version this one does not understand. */
export function readStoredLeg(value: unknown): StoredLeg | null {
  const result = schema.safeParse(value);
  return result.success ? result.data : null;
}
