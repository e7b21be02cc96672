/** `<Header name value>` of a Stream: a request header of the upgrade, our extension (PROTOCOL §14.1). */
import { isUpgradeHeader } from '../../domain/stream-spec.ts';
import { Attributes } from '../attributes.ts';
import { nothing } from '../content.ts';
import type { RawElement } from '../element.ts';
import { codes, type Reading } from '../reading.ts';

/** What may stand in a header line (RFC 9110 §5.5). */
const isHeaderValue = (value: string): boolean => /^[\t\x20-\x7e\x80-\xff]{0,2048}$/.test(value);

/** Null with a warning when it is refused. */
export function readHeader(element: RawElement, reading: Reading): readonly [name: string, value: string] | null {
  const attributes = new Attributes(element, reading);
  const name = attributes.word('name') ?? '';
  const value = attributes.text('value') ?? '';
  attributes.done();
  nothing(element, reading);
  if (isUpgradeHeader(name) && isHeaderValue(value)) return [name, value];
  reading.warn(element, codes.schema, 'this header may not be sent', 'name');
  return null;
}
