/** `<Redirect>`: GET in Pivot, POST in Twilio (PROTOCOL §0 row 30); the URL may be relative. */
import { Attributes } from '../attributes.ts';
import { onlyText } from '../content.ts';
import type { RedirectVerb } from '../document.ts';
import type { RawElement } from '../element.ts';
import { codes, type Reading } from '../reading.ts';

export function readRedirect(element: RawElement, reading: Reading): readonly RedirectVerb[] {
  const attributes = new Attributes(element, reading);
  const method = attributes.method('method', reading.dialect === 'pivot' ? 'GET' : 'POST', 13_710);
  attributes.done();
  const body = onlyText(element, reading);
  const url = reading.httpUrl(body);
  if (url === null) reading.warn(element, codes.badUrl, 'the body is not an http or https URL');
  return [{ verb: 'Redirect', url: url ?? body, method, line: element.line }];
}
