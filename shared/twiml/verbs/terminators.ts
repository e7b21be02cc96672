/** `terminators` of Say and Play: keys that stop the prompt. Pivot only, any key by default (PROTOCOL §0 row 37). */
import type { Attributes } from '../attributes.ts';
import { codes, type Reading } from '../reading.ts';

const ANY_KEY = '0123456789*#ABCD';

export function terminatorsOf(attributes: Attributes, reading: Reading): string {
  if (reading.dialect === 'twilio') return '';
  const text = attributes.text('terminators');
  if (text === null) return ANY_KEY;
  const keys = text.toUpperCase().replace(/[\s,]/g, '');
  if (/^[0-9A-D*#]*$/.test(keys)) return keys;
  attributes.warn('terminators', codes.schema, 'may hold 0-9, A-D, * and #');
  return ANY_KEY;
}
