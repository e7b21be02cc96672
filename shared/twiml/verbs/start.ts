/** `<Start>`: one-way streams (PROTOCOL §1, §2.1, §4.1). Several nouns are several starts. */
import { Attributes } from '../attributes.ts';
import type { StartVerb } from '../document.ts';
import type { RawElement } from '../element.ts';
import { readStream } from '../nouns/stream.ts';
import type { Reading } from '../reading.ts';
import { streamsIn } from './streams-in.ts';

export function readStart(element: RawElement, reading: Reading): readonly StartVerb[] {
  const attributes = new Attributes(element, reading);
  attributes.ignore('action', 'method');
  attributes.done();
  return streamsIn(element, reading).map((noun) => ({
    verb: 'Start',
    stream: readStream(noun, 'Start', reading),
    line: element.line,
  }));
}
