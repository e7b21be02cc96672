/** `<Connect>`: the two-way stream, which takes the document over (PROTOCOL §0 row 20, §4.1). */
import { Attributes } from '../attributes.ts';
import type { ConnectVerb } from '../document.ts';
import type { RawElement } from '../element.ts';
import { readStream } from '../nouns/stream.ts';
import { codes, type Reading } from '../reading.ts';
import { streamsIn } from './streams-in.ts';

export function readConnect(element: RawElement, reading: Reading): readonly ConnectVerb[] {
  const attributes = new Attributes(element, reading);
  const action = reading.dialect === 'twilio' ? attributes.httpUrl('action') : null;
  const method = reading.dialect === 'twilio' ? attributes.method('method', 'POST') : 'POST';
  attributes.done();
  const [noun, ...more] = streamsIn(element, reading);
  for (const other of more) reading.warn(other, codes.invalidNoun, 'Connect takes one Stream; this one is skipped');
  if (noun === undefined) return [];
  return [{ verb: 'Connect', stream: readStream(noun, 'Connect', reading), action, method, line: element.line }];
}
