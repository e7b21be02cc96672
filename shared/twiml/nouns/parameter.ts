/** `<Parameter name value>` of a Stream: name and value together under 500 characters (PROTOCOL §0 row 28, AC-39). */
import { PARAMETER_LIMIT } from '../../domain/stream-spec.ts';
import { Attributes } from '../attributes.ts';
import { nothing } from '../content.ts';
import type { RawElement } from '../element.ts';
import { codes, type Reading } from '../reading.ts';

/** Null with a warning when it is refused. */
export function readParameter(element: RawElement, reading: Reading): readonly [name: string, value: string] | null {
  const attributes = new Attributes(element, reading);
  const name = attributes.word('name');
  const value = attributes.text('value') ?? '';
  attributes.done();
  nothing(element, reading);
  if (name === null) {
    reading.warn(element, codes.schema, 'a Parameter needs a name', 'name');
    return null;
  }
  if (name.length + value.length >= PARAMETER_LIMIT) {
    reading.warn(element, codes.schema, `name and value must be shorter than ${PARAMETER_LIMIT} characters together`);
    return null;
  }
  return [name, value];
}
