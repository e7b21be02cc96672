/** `<Play>`: PROTOCOL §3.4, §9; AC-76. */
import { Attributes } from '../attributes.ts';
import { onlyText } from '../content.ts';
import type { PlayVerb } from '../document.ts';
import type { RawElement } from '../element.ts';
import { codes, type Reading } from '../reading.ts';
import { loopOf } from './loop.ts';
import { terminatorsOf } from './terminators.ts';

export function readPlay(element: RawElement, reading: Reading): readonly PlayVerb[] {
  const attributes = new Attributes(element, reading);
  const loop = loopOf(attributes, reading, 13_410);
  const terminators = terminatorsOf(attributes, reading);
  const digits = digitsOf(attributes);
  attributes.done();
  const body = onlyText(element, reading);
  if (body === '' && digits === null) {
    reading.warn(element, 13_420, 'there is nothing to play');
    return [];
  }
  if (digits !== null && body !== '') reading.warn(element, codes.schema, 'digits are pressed and the URL is ignored');
  const url = digits === null ? resolved(body, element, reading) : null;
  return [{ verb: 'Play', url, digits, loop, terminators, line: element.line }];
}

/** 0-9 A-D * # and pauses: `w` half a second, `W` a whole one. */
function digitsOf(attributes: Attributes): string | null {
  const digits = attributes.word('digits');
  if (digits === null || /^[0-9A-D*#wW]+$/.test(digits)) return digits;
  attributes.warn('digits', 13_430, 'may hold 0-9, A-D, *, #, w and W');
  return null;
}

function resolved(body: string, element: RawElement, reading: Reading): string {
  const url = reading.httpUrl(body);
  if (url === null) reading.warn(element, codes.badUrl, 'the body is not an http or https URL');
  return url ?? body;
}
