/** `<Hangup>`: no attributes, no content. */
import { Attributes } from '../attributes.ts';
import { nothing } from '../content.ts';
import type { HangupVerb } from '../document.ts';
import type { RawElement } from '../element.ts';
import type { Reading } from '../reading.ts';

export function readHangup(element: RawElement, reading: Reading): readonly HangupVerb[] {
  new Attributes(element, reading).done();
  nothing(element, reading);
  return [{ verb: 'Hangup', line: element.line }];
}
