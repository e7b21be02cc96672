/** `loop` of Say and Play: 0 is for ever in Pivot and a thousand times in Twilio, which is its maximum (PROTOCOL §3.4, §9). */
import type { Attributes } from '../attributes.ts';
import type { Reading } from '../reading.ts';

const TWILIO_MAX = 1000;

export function loopOf(attributes: Attributes, reading: Reading, code: number): number {
  const max = reading.dialect === 'twilio' ? TWILIO_MAX : 999_999_999;
  const loop = attributes.integer('loop', { min: 0, max, otherwise: 1, code });
  return loop === 0 && reading.dialect === 'twilio' ? TWILIO_MAX : loop;
}
