/** `<Reject>`: PROTOCOL §0 row 35. Pivot's `prompt` is taken and has no effect: nothing is played before an answer. */
import { Attributes } from '../attributes.ts';
import { nothing } from '../content.ts';
import type { RejectVerb } from '../document.ts';
import type { RawElement } from '../element.ts';
import type { Reading } from '../reading.ts';

export function readReject(element: RawElement, reading: Reading): readonly RejectVerb[] {
  const attributes = new Attributes(element, reading);
  const reason = attributes.oneOf('reason', ['rejected', 'busy'], 'rejected');
  if (reading.dialect === 'pivot') attributes.ignore('prompt');
  attributes.done();
  nothing(element, reading);
  return [{ verb: 'Reject', reason, line: element.line }];
}
