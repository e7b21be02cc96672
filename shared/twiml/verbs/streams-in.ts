/** The `<Stream>` nouns of Start, Stop and Connect; what else stands there is skipped with a warning (14300). */
import { onlyElements } from '../content.ts';
import type { RawElement } from '../element.ts';
import { codes, type Reading } from '../reading.ts';

export function streamsIn(element: RawElement, reading: Reading): readonly RawElement[] {
  const nouns = onlyElements(element, reading);
  if (nouns.length === 0) reading.warn(element, codes.invalidNoun, `${element.name} holds no noun`);
  return nouns.filter((noun) => {
    if (noun.name === 'Stream') return true;
    reading.warn(noun, codes.invalidNoun, `${noun.name} in ${element.name} is skipped`);
    return false;
  });
}
