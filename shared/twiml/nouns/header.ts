/** `<Header name value>` of a Stream: a request header of the upgrade, our extension (PROTOCOL §14.1). */
import { Attributes } from '../attributes.ts';
import { nothing } from '../content.ts';
import type { RawElement } from '../element.ts';
import { codes, type Reading } from '../reading.ts';

/** Headers the handshake itself sets, or that would change what the request means. */
const forbidden =
  /^(host|connection|upgrade|content-length|transfer-encoding|te|trailer|keep-alive|x-twilio-signature|x-pivot-signature|sec-.*)$/i;

/** Whether a header of this name and value may be sent with an upgrade; for TwiML and REST alike. */
export function isAllowedHeader(name: string, value: string): boolean {
  return (
    /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/.test(name) &&
    /^[\t\x20-\x7e\x80-\xff]{0,2048}$/.test(value) &&
    !forbidden.test(name)
  );
}

/** Null with a warning when it is refused. */
export function readHeader(element: RawElement, reading: Reading): readonly [name: string, value: string] | null {
  const attributes = new Attributes(element, reading);
  const name = attributes.word('name') ?? '';
  const value = attributes.text('value') ?? '';
  attributes.done();
  nothing(element, reading);
  if (isAllowedHeader(name, value)) return [name, value];
  reading.warn(element, codes.schema, 'this header may not be sent', 'name');
  return null;
}
