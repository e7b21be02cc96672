/** `<Stop>`: ends one-way streams by sid, by name, or all of them (PROTOCOL §0 row 24, §2.7, U17). */
import { Attributes } from '../attributes.ts';
import { nothing } from '../content.ts';
import type { StopVerb } from '../document.ts';
import type { RawElement } from '../element.ts';
import { codes, type Reading } from '../reading.ts';
import { streamsIn } from './streams-in.ts';

export function readStop(element: RawElement, reading: Reading): readonly StopVerb[] {
  new Attributes(element, reading).done();
  return streamsIn(element, reading).flatMap((noun) => {
    const target = targetOf(noun, reading);
    return target === null ? [] : [{ verb: 'Stop' as const, target, line: element.line }];
  });
}

function targetOf(noun: RawElement, reading: Reading): StopVerb['target'] | null {
  const attributes = new Attributes(noun, reading);
  const sid = attributes.word('id') ?? attributes.word('sid');
  const name = attributes.word('name');
  attributes.done();
  nothing(noun, reading);
  if (sid !== null) return { by: 'sid', value: sid };
  if (name !== null) return { by: 'name', value: name };
  if (reading.dialect === 'pivot') return { by: 'all' };
  reading.warn(noun, codes.invalidNoun, 'a Stream in Stop needs a name; nothing is stopped');
  return null;
}
