/** A number's record as the resource of /numbers: the same fields, named one by one. */
import type { NumberRecord } from '../../shared/domain/number.ts';
import type { NumberResource } from '../schemas/number.ts';

export function viewNumber(number: NumberRecord): NumberResource {
  return {
    number: number.number,
    voiceUrl: number.voiceUrl,
    voiceMethod: number.voiceMethod,
    voiceFallbackUrl: number.voiceFallbackUrl,
    twiml: number.twiml,
    statusCallback: number.statusCallback,
    dialect: number.dialect,
  };
}
