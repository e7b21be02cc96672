/**
 * The plain tree between the XML reader and the translation: what is left of a document once
 * comments, processing instructions and everything of libxml2 are gone. It crosses process and
 * thread borders, so it is data only.
 */
export interface RawElement {
  readonly name: string;
  /** In the order written, names as written. */
  readonly attributes: readonly (readonly [name: string, value: string])[];
  readonly children: readonly (RawElement | string)[];
  /** Line of the start tag's end, from 1. */
  readonly line: number;
}

/** Text of the element and of everything in it, in order. */
export function textOf(element: RawElement): string {
  return element.children.map((child) => (typeof child === 'string' ? child : textOf(child))).join('');
}

/** The child elements, without the text between them. */
export function elementsOf(element: RawElement): readonly RawElement[] {
  return element.children.filter((child) => typeof child !== 'string');
}
