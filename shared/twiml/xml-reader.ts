/**
 * XML to plain tree, as its users see it. The one that does the work is `xml-child.ts` (a child
 * process with libxmljs2); `parser-bridge.ts` lends it to the threads of a process.
 */
import type { RawElement } from './element.ts';
import type { Problem } from './problems.ts';

export type ReadXml = { readonly kind: 'tree'; readonly root: RawElement } | RefusedXml;

export interface RefusedXml {
  readonly kind: 'refused';
  readonly problem: Problem;
  /** As in `Parsed`. */
  readonly unjudged?: true;
}

export interface XmlReader {
  /** Never rejects: what cannot be read in time is `refused` with 12100. */
  read(source: string): Promise<ReadXml>;
  close(): Promise<void>;
}

/** The most a document may weigh in UTF-8 bytes (PROTOCOL §7.2: 11750). */
export const MAX_DOCUMENT_BYTES = 65_536;

/** A document nothing can be read from. */
export function unreadable(message: string, line: number | null = null, code = 12_100): RefusedXml {
  return {
    kind: 'refused',
    problem: { severity: 'error', code, message, element: null, attribute: null, line },
  };
}

/** A document the reader could not look at, or not to its end: late, dead, busy or closed. */
export function unjudged(message: string): ReadXml {
  return { ...unreadable(message), unjudged: true };
}

/**
 * What is refused before libxml2 sees a byte (AC-72): size, NUL, and declarations that could define
 * entities or reach for files and hosts. The words are refused in comments and CDATA too: cheap and sure.
 */
export function refuseUnseen(source: string): ReadXml | null {
  if (Buffer.byteLength(source) > MAX_DOCUMENT_BYTES) {
    return unreadable(`the document is larger than ${MAX_DOCUMENT_BYTES} bytes`, null, 11_750);
  }
  if (source.includes('\0')) return unreadable('the document contains a NUL character');
  const declaration = /<!(DOCTYPE|ENTITY)/i.exec(source);
  if (declaration) {
    const line = source.slice(0, declaration.index).split('\n').length;
    return unreadable(`<!${declaration[1]}> is not allowed`, line);
  }
  return null;
}
