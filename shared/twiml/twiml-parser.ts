/** The TwiML parser: XML read by an `XmlReader`, translated here. `openTwimlParser` owns a parser process. */
import type { ParseContext, Parsed, TwimlParser } from './parser.ts';
import { translate } from './translate.ts';
import { openXmlChild, type XmlChildOptions } from './xml-child.ts';
import type { XmlReader } from './xml-reader.ts';

/** A parser with a process of its own: one per api or worker process. */
export function openTwimlParser(options: XmlChildOptions = {}): TwimlParser {
  return twimlParser(openXmlChild(options));
}

/** A parser over any reader; closing it closes the reader. */
export function twimlParser(reader: XmlReader): TwimlParser {
  return {
    async parse(source: string, context: ParseContext): Promise<Parsed> {
      const read = await reader.read(source);
      if (read.kind === 'tree') return translate(read.root, context);
      const refused = { kind: 'refused', problems: [read.problem] } as const;
      return read.unjudged === true ? { ...refused, unjudged: true } : refused;
    },
    close: () => reader.close(),
  };
}
