/**
 * `<Connect>`: the two-way stream, which takes the document over (PROTOCOL §0 row 20, §4.1). What follows the
 * stream is a matter of the stream's own dialect, so `action` means something to Twilio's kind only (§14.1).
 */
import { Attributes } from '../attributes.ts';
import type { ConnectVerb } from '../document.ts';
import type { RawElement } from '../element.ts';
import { readStream } from '../nouns/stream.ts';
import { codes, type Reading } from '../reading.ts';
import { streamsIn } from './streams-in.ts';

export function readConnect(element: RawElement, reading: Reading): readonly ConnectVerb[] {
  const attributes = new Attributes(element, reading);
  const [noun, ...others] = streamsIn(element, reading);
  for (const other of others) reading.warn(other, codes.invalidNoun, 'Connect takes one Stream; this one is refused');
  const stream = noun === undefined ? null : readStream(noun, 'Connect', reading);
  const more = others.map((other) => readStream(other, 'Connect', reading));
  const twilio = (stream?.dialect ?? reading.dialect) === 'twilio';
  const action = twilio ? attributes.httpUrl('action') : null;
  const method = twilio ? attributes.method('method', 'POST') : 'POST';
  attributes.done();
  return stream === null ? [] : [{ verb: 'Connect', stream, more, action, method, line: element.line }];
}
