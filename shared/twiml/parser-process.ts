/**
 * The parser process: the only importer of libxmljs2, which is native, may crash on hostile input
 * and can be loaded once per process. Started and restarted by `xml-child.ts`, one document at a
 * time; ends when its parent is gone. It opens no file and no socket for a document (AC-72).
 */
import libxml from 'libxmljs2';
import type { RawElement } from './element.ts';
import { type ReadXml, refuseUnseen, unreadable } from './xml-reader.ts';

const options: Parameters<typeof libxml.parseXml>[1] = {
  nonet: true,
  noent: false,
  dtdload: false,
  dtdattr: false,
  dtdvalid: false,
  xinclude: false,
  recover: false,
  huge: false,
};

function read(source: string): ReadXml {
  const refused = refuseUnseen(source);
  if (refused) return refused;
  try {
    const document = libxml.parseXml(source, options);
    // The binding answers null where its types promise a value.
    const dtd: unknown = document.getDtd();
    if (dtd !== null) return unreadable('a document type is not allowed');
    const root = document.root();
    return root === null ? unreadable('the document has no root element') : { kind: 'tree', root: copy(root) };
  } catch (error) {
    const first = firstFault(source) ?? error;
    return unreadable(sentence(first), lineOf(first));
  }
}

/** What is thrown is the last fault, often only the end of the text; what has to be mended is the first one. */
function firstFault(source: string): unknown {
  try {
    return libxml.parseXml(source, { ...options, recover: true }).errors.find(isFatal);
  } catch {
    return undefined;
  }
}

/** libxml2's XML_ERR_FATAL: with it a text is no XML. */
const isFatal = (error: unknown): boolean => error instanceof Error && 'level' in error && error.level === 3;

/** Copies at once, asking each node's type before anything else of it: only elements, text and CDATA. */
function copy(element: libxml.Element): RawElement {
  const children: (RawElement | string)[] = [];
  for (const node of element.childNodes()) {
    if (isElement(node)) children.push(copy(node));
    else if (isText(node)) children.push(node.text());
  }
  return {
    name: element.name(),
    attributes: element.attrs().map((attribute) => [attribute.name(), attribute.value()] as const),
    children,
    line: element.line(),
  };
}

const isElement = (node: libxml.Node): node is libxml.Element => node.type() === 'element';

function isText(node: libxml.Node): node is libxml.Text {
  const type: string = node.type();
  return type === 'text' || type === 'cdata';
}

function sentence(error: unknown): string {
  const text = error instanceof Error ? error.message.trim() : '';
  if (/EntityRef/.test(text)) return 'a bare & must be written &amp;';
  return text === '' ? 'not XML' : text.slice(0, 300);
}

function lineOf(error: unknown): number | null {
  return error instanceof Error && 'line' in error && typeof error.line === 'number' ? error.line : null;
}

const isOrder = (message: unknown): message is { readonly source: string } =>
  typeof message === 'object' && message !== null && 'source' in message && typeof message.source === 'string';

process.on('message', (message) => {
  if (isOrder(message)) process.send?.(read(message.source));
});
process.on('disconnect', () => process.exit(0));
// A Ctrl-C reaches the whole process group: the parent decides when this process goes.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
process.send?.('ready');
