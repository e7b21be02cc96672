/** What may stand inside a verb: text, nouns, or nothing. The rest is warned about and ignored (12200). */
import { elementsOf, type RawElement } from './element.ts';
import { codes, type Reading } from './reading.ts';

/** The text of an element that holds text only, without the white space around it. */
export function onlyText(element: RawElement, reading: Reading): string {
  for (const child of elementsOf(element)) {
    reading.warn(child, codes.schema, `${child.name} is not allowed in ${element.name}`);
  }
  return element.children
    .filter((child) => typeof child === 'string')
    .join('')
    .trim();
}

/** The child elements of one that holds nouns only. */
export function onlyElements(element: RawElement, reading: Reading): readonly RawElement[] {
  if (element.children.some((child) => typeof child === 'string' && child.trim() !== '')) {
    reading.warn(element, codes.schema, `text in ${element.name} is ignored`);
  }
  return elementsOf(element);
}

export function nothing(element: RawElement, reading: Reading): void {
  if (onlyElements(element, reading).length > 0) {
    reading.warn(element, codes.schema, `${element.name} must be empty`);
  }
}
